"""scikit-learn's own checks: those that fail give numbers where this classifier wants texts."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from in_any_order import classifier_of

from pet import PETClassifier
from pet.errors import PetError

checks = pytest.importorskip("sklearn.utils.estimator_checks")
_FIT = "fits on an array of numbers"
_MESSAGE = "wants a message about arrays of numbers; ours says that texts are expected"
# scikit-learn has no texts to try estimators with.
NEEDS_NUMBERS = {
    "check_all_zero_sample_weights_error": _FIT,
    "check_class_weight_classifiers": _FIT,
    "check_classifier_data_not_an_array": _FIT,
    "check_classifiers_classes": _FIT,
    "check_classifiers_one_label": _FIT,
    "check_classifiers_one_label_sample_weights": _FIT,
    "check_classifiers_regression_target": _MESSAGE,
    "check_classifiers_train": _FIT,
    "check_complex_data": _MESSAGE,
    "check_dict_unchanged": _FIT,
    "check_dont_overwrite_attributes": _FIT,
    "check_dont_overwrite_parameters": _FIT,
    "check_dtype_object": _FIT,
    "check_estimator_sparse_array": _FIT,
    "check_estimator_sparse_matrix": _FIT,
    "check_estimator_sparse_tag": _FIT,
    "check_estimators_dtypes": _FIT,
    "check_estimators_empty_data_messages": _MESSAGE,
    "check_estimators_fit_returns_self": _FIT,
    "check_estimators_nan_inf": _MESSAGE,
    "check_estimators_overwrite_params": _FIT,
    "check_estimators_pickle": _FIT,
    "check_f_contiguous_array_estimator": _FIT,
    "check_fit2d_1feature": _MESSAGE,
    "check_fit2d_1sample": _MESSAGE,
    "check_fit2d_predict1d": _FIT,
    "check_fit_check_is_fitted": _FIT,
    "check_fit_idempotent": _FIT,
    "check_fit_score_takes_y": _FIT,
    "check_methods_sample_order_invariance": _FIT,
    "check_methods_subset_invariance": _FIT,
    "check_n_features_in": _FIT,
    "check_n_features_in_after_fitting": _FIT,
    "check_pipeline_consistency": _FIT,
    "check_positive_only_tag_during_fit": _FIT,
    "check_readonly_memmap_input": _FIT,
    "check_sample_weight_equivalence_on_dense_data": _FIT,
    "check_sample_weights_list": _FIT,
    "check_sample_weights_not_an_array": _FIT,
    "check_sample_weights_not_overwritten": _FIT,
    "check_sample_weights_pandas_series": _FIT,
    "check_sample_weights_shape": _FIT,
    "check_supervised_y_2d": _FIT,
}


class Claimed(PETClassifier):
    """The classifier, with tags that say that it takes numbers, so that all checks are run."""

    __init__ = PETClassifier.__init__

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.one_d_array = True, False
        tags.no_validation = False
        return tags


def causes(error: BaseException | None) -> list[str]:
    """Messages of the errors of `pet` that an error came of."""
    found = []
    while error is not None:
        found += [str(error)] if isinstance(error, PetError) else []
        error = error.__cause__ or error.__context__
    return found


@pytest.mark.skipif(not hasattr(checks, "EstimatorCheckFailedWarning"), reason="scikit-learn 1.6")
def test_only_checks_that_need_numbers_fail(lively_bert: str) -> None:
    parameters = classifier_of(["1", "0", "2", "3", "-1"], lively_bert, max_steps=1).get_params()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = checks.check_estimator(Claimed(**parameters), on_fail=None, on_skip=None)
    failed = {found["check_name"]: found["exception"] for found in results if found["exception"]}
    failed = {name: error for name, error in failed.items() if "SCIPY_ARRAY" not in str(error)}
    assert failed.keys() <= NEEDS_NUMBERS.keys()
    assert len(failed) > 30
    for name, error in failed.items():
        reasons = causes(error)
        wanted_texts = ("expected", "no column 'text'")
        assert not reasons or any(wish in reasons[-1].lower() for wish in wanted_texts), name
    passed = {found["check_name"] for found in results if found["status"] == "passed"}
    assert {
        "check_estimator_cloneable", "check_estimators_unfitted", "check_get_params_invariance",
        "check_no_attributes_set_in_init", "check_parameters_default_constructible",
        "check_requires_y_none", "check_set_params", "check_supervised_y_no_nan",
        "check_valid_tag_types",
    } <= passed  # fmt: skip


def test_tags_are_true(lively_bert: str) -> None:
    pytest.importorskip("sklearn", "1.6")
    from sklearn.utils import get_tags

    tags = get_tags(classifier_of(["b", "a"], lively_bert))
    assert tags.input_tags.string
    assert tags.input_tags.one_d_array
    assert not tags.input_tags.two_d_array
    assert not tags.input_tags.sparse
    assert not tags.target_tags.required  # zero-shot
    assert not tags.classifier_tags.multi_label
    assert get_tags(classifier_of(["b", "a"], lively_bert, max_steps=1)).target_tags.required
    assert get_tags(PETClassifier("no such task", method="none")).classifier_tags.multi_class
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        checks.check_estimator(classifier_of(["b", "a"], lively_bert))
