"""Sentiment in few words."""

from pet import PVP, Task, Verbalizer

words = Verbalizer({"negative": ["bad", "terrible"], "positive": ["good", "great"]})

task = Task(
    name="toy",
    labels=["negative", "positive"],
    fields=["text"],
    description="Sentiment in few words.",
    pvps=[
        PVP("{text} It was {mask}.", words),
        PVP("Just {mask}! {text}", words),
        PVP("{text} All in all {mask}.", words),
        PVP("( {mask} ) {text}", words),
    ],
)
