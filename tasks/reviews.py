"""Sentiment of short customer reviews: the demo, and a good task to copy.

Format: one review per row in the field `text`; the data is in `tasks/reviews/`.
"""

from pet import PVP, Task, Verbalizer

polarity = Verbalizer.load("polarity")
verdict = Verbalizer(
    {
        "negative": ["disappointed", "unhappy", "angry"],
        "positive": ["happy", "pleased", "impressed"],
    }
)

task = Task(
    name="reviews",
    labels=["negative", "positive"],
    fields=["text"],
    description="Sentiment of short customer reviews of products, films, food and travel.",
    pvps=[
        PVP("{text} It was {mask}.", polarity),
        PVP("{text} All in all, it was {mask}.", polarity),
        PVP("Just {mask}! {text}", polarity),
        PVP("{text} I am very {mask}.", verdict),
        PVP("Question: how was it? Answer: it was {mask}. {text}", polarity),
    ],
)
