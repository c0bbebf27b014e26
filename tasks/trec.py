"""What kind of answer a question asks for: TREC question classification, six coarse classes.

Format: one short question per row in the field `text`.
"""

from pet import PVP, Task, Verbalizer

examples = Verbalizer(
    {
        "abbreviation": ["abbreviation", "initials", "letters"],
        "entity": ["thing", "object", "animal"],
        "description": ["definition", "description", "reason"],
        "human": ["person", "people", "someone"],
        "location": ["place", "city", "country"],
        "number": ["number", "date", "amount"],
    }
)
names = Verbalizer(
    {
        "abbreviation": ["abbreviation"],
        "entity": ["entity"],
        "description": ["description"],
        "human": ["human"],
        "location": ["location"],
        "number": ["number"],
    }
)

task = Task(
    name="trec",
    labels=["abbreviation", "entity", "description", "human", "location", "number"],
    fields=["text"],
    description="What kind of answer a question asks for (TREC, six coarse classes).",
    pvps=[
        PVP("Question: {text} Answer: the {mask}.", examples),
        PVP("{text} Answer type: {mask}.", examples, names),
        PVP("{text} Which {mask}?", examples),
        PVP("Question about a {mask}: {text}", examples),
        PVP("[ {mask} ] {text}", examples, names),
    ],
)
