"""Do two sentences from the news mean the same? Microsoft Research Paraphrase Corpus (in GLUE).

Format: the fields `first` and `second`, or the columns `text` and `text_b`.
"""

from pet import PVP, Task, Verbalizer

answer = Verbalizer({"not equivalent": ["no"], "equivalent": ["yes"]})
link = Verbalizer({"not equivalent": ["but", "however"], "equivalent": ["so", "indeed"]})
likeness = Verbalizer({"not equivalent": ["different"], "equivalent": ["same", "similar"]})

task = Task(
    name="mrpc",
    labels=["not equivalent", "equivalent"],
    fields=["first", "second"],
    columns={"first": "text", "second": "text_b"},
    description="Do two sentences from the news mean the same? (MRPC)",
    metrics=["accuracy", "f1:equivalent"],
    pvps=[
        PVP("{first}{sep}{mask}, {second}", answer, link),
        PVP("{first} {mask}, {second}", answer, link),
        PVP("( {mask} ) {first}{sep}{second}", likeness),
        PVP("{first}{sep}{second} Question: do they say the same? Answer: {mask}.", answer),
        PVP("Do these say the same? {mask}. {first}{sep}{second}", answer),
    ],
)
