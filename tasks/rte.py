"""Does the hypothesis follow from the premise? News and encyclopaedias (RTE, in GLUE, SuperGLUE).

Format: the fields `premise` and `hypothesis`, or the columns `text` and `text_b`.
"""

from pet import PVP, Task, Verbalizer

answer = Verbalizer({"entailment": ["yes"], "not entailment": ["no"]})
truth = Verbalizer({"entailment": ["true", "right"], "not entailment": ["false", "wrong"]})
link = Verbalizer({"entailment": ["so", "thus"], "not entailment": ["but", "however"]})

task = Task(
    name="rte",
    labels=["entailment", "not entailment"],
    fields=["premise", "hypothesis"],
    columns={"premise": "text", "hypothesis": "text_b"},
    description="Does the hypothesis follow from the premise? (RTE)",
    pvps=[
        PVP("{premise}{sep}{mask}, {hypothesis}", answer, link),
        PVP("{premise} {mask}, {hypothesis}", answer, link),
        PVP("{hypothesis}?{sep}{mask}, {premise}", answer),
        PVP('"{hypothesis}"? {mask}. "{premise}"', answer),
        PVP("{premise}{sep}Question: {hypothesis} True or false? Answer: {mask}.", truth),
    ],
)
