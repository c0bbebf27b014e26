"""Sentiment of a film review sentence: Stanford Sentiment Treebank, two labels (SST-2, in GLUE).

Format: one sentence per row in the field `text`.
"""

from pet import PVP, Task, Verbalizer

polarity = Verbalizer.load("polarity")
film = Verbalizer.load("film")

task = Task(
    name="sst2",
    labels=["negative", "positive"],
    fields=["text"],
    description="Sentiment of a film review sentence (Stanford Sentiment Treebank).",
    pvps=[
        PVP("{text} It was {mask}.", polarity, film),
        PVP("{text} All in all, a {mask} film.", polarity, film),
        PVP("The film is {mask} because {text}", polarity),
        PVP("Question: how was the film? Answer: it was {mask}. {text}", polarity),
        PVP("Just {mask}! {text}", polarity),
    ],
)
