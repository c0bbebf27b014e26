"""Intent of a message to a bank's customer service: Banking77, 77 classes.

Format: one short message per row in the field `text`.

Patterns 0 to 4 choose one of 77 words. Patterns 5 to 7 ask yes or no about every intent by its full
name, which tells more about it but takes 77 times as many forward passes; the distilled classifier
is as fast either way.
"""

from pet import PVP, Task, Verbalizer

intents = Verbalizer.load("banking77")
keyword = Verbalizer.load("banking77_keyword")
answer = Verbalizer({"yes": ["yes"], "no": ["no"]})
truth = Verbalizer({"yes": ["true", "right"], "no": ["false", "wrong"]})

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
        PVP("{text} Is this about {label}? {mask}.", answer),
        PVP("Message: {text} Question: Is the message about {label}? Answer: {mask}.", answer),
        PVP("{text} This is about {label}: {mask}.", truth),
    ],
)
