"""Do two questions ask the same thing? Quora Question Pairs (QQP, in GLUE).

Format: the fields `question1` and `question2`, or the columns `text` and `text_b`.
"""

from pet import PVP, Task, Verbalizer

answer = Verbalizer({"not duplicate": ["no"], "duplicate": ["yes"]})
link = Verbalizer({"not duplicate": ["also", "and"], "duplicate": ["or", "so"]})
likeness = Verbalizer({"not duplicate": ["different"], "duplicate": ["same", "similar"]})

task = Task(
    name="qqp",
    labels=["not duplicate", "duplicate"],
    fields=["question1", "question2"],
    columns={"question1": "text", "question2": "text_b"},
    description="Do two questions ask the same thing? (Quora Question Pairs)",
    metrics=["accuracy", "f1:duplicate"],
    pvps=[
        PVP("{question1}{sep}{mask}, {question2}", answer, link),
        PVP("{question1} {mask}, {question2}", answer, link),
        PVP("( {mask} ) {question1}{sep}{question2}", likeness),
        PVP("{question1}{sep}This question is {mask}: {question2}", likeness),
        PVP("{question1}{sep}{question2} Do they ask the same? {mask}.", answer),
    ],
)
