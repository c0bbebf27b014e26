"""Intent of a message to a bank's customer service: Banking77, 77 classes.

Format: one short message per row in the field `text`.
"""

from pet import PVP, Task, Verbalizer

intents = Verbalizer.load("banking77")
keyword = Verbalizer.load("banking77_keyword")

task = Task(
    name="banking77",
    labels=intents.labels,
    fields=["text"],
    description="Intent of a message to a bank's customer service (Banking77, 77 classes).",
    pvps=[
        PVP("Question about {mask}: {text}", intents, keyword),
        PVP("{text} This is about {mask}.", intents, keyword),
        PVP("{text} In one word: {mask}.", intents),
        PVP("Question: {text} Topic: {mask}.", intents),
        PVP("[ Category: {mask} ] {text}", intents),
    ],
)
