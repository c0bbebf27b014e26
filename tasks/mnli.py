"""Does the hypothesis follow from the premise? Ten genres of English (MultiNLI, in GLUE).

Format: the fields `premise` and `hypothesis`, or the columns `text` and `text_b`.
"""

from pet import PVP, Task, Verbalizer

nli = Verbalizer.load("nli")
truth = Verbalizer.load("nli_truth")

task = Task(
    name="mnli",
    labels=["entailment", "neutral", "contradiction"],
    fields=["premise", "hypothesis"],
    columns={"premise": "text", "hypothesis": "text_b"},
    description="Does the hypothesis follow from the premise, contradict it or neither? (MultiNLI)",
    pvps=[
        PVP("{premise}?{sep}{mask}, {hypothesis}", nli, truth),
        PVP("{premise} {mask}, {hypothesis}", nli),
        PVP("{hypothesis}? {mask}.{sep}{premise}", nli),
        PVP("{premise}{sep}Question: {hypothesis}? Answer: {mask}.", nli),
        PVP("{premise}{sep}{hypothesis} True or false? {mask}.", truth),
    ],
)
