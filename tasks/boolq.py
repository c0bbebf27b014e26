"""Yes/no questions about a passage of Wikipedia (BoolQ, in SuperGLUE).

Format: the fields `passage` and `question`, or the columns `text` and `text_b`. Only the passage is
shortened.
"""

from pet import PVP, Task, Verbalizer

answer = Verbalizer({"yes": ["yes"], "no": ["no"]})
truth = Verbalizer({"yes": ["true", "right"], "no": ["false", "wrong"]})

task = Task(
    name="boolq",
    labels=["yes", "no"],
    fields=["passage", "question"],
    columns={"passage": "text", "question": "text_b"},
    description="Answer a yes/no question from a passage (BoolQ).",
    pvps=[
        PVP("{passage}{sep}Question: {question:keep} Answer: {mask}.", answer, truth),
        PVP("Question: {question:keep} Answer: {mask}.{sep}{passage}", answer, truth),
        PVP("{passage}{sep}{question:keep} {mask}.", answer),
        PVP("{passage} Based on the passage, {question:keep} {mask}.", answer),
        PVP("Based on the following passage, {question:keep} {mask}.{sep}{passage}", answer),
    ],
)
