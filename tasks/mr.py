"""Sentiment of a film review snippet: the Movie Review data (MR) from Rotten Tomatoes.

Format: one snippet per row in the field `text`.
"""

from pet import PVP, Task, Verbalizer

polarity = Verbalizer.load("polarity")
film = Verbalizer.load("film")

task = Task(
    name="mr",
    labels=["negative", "positive"],
    fields=["text"],
    description="Sentiment of a film review snippet (Movie Review data).",
    pvps=[
        PVP("{text} A {mask} piece of work.", polarity),
        PVP("{text} In summary, the film was {mask}.", polarity, film),
        PVP("A {mask} film. {text}", polarity, film),
        PVP("{text} Question: what did the critics think of it? Answer: it is {mask}.", polarity),
        PVP("{mask}: {text}", polarity),
    ],
)
