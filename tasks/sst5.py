"""Sentiment of a film review sentence on five levels: Stanford Sentiment Treebank (SST-5).

Format: one sentence per row in the field `text`.
"""

from pet import PVP, Task, Verbalizer

quality = Verbalizer(
    {
        "very negative": ["terrible", "awful", "horrible"],
        "negative": ["bad", "poor", "disappointing"],
        "neutral": ["okay", "average", "ordinary"],
        "positive": ["good", "nice", "enjoyable"],
        "very positive": ["great", "excellent", "brilliant"],
    }
)
impression = Verbalizer(
    {
        "very negative": ["worthless", "stupid"],
        "negative": ["boring", "weak"],
        "neutral": ["fine", "fair"],
        "positive": ["interesting", "funny"],
        "very positive": ["beautiful", "perfect"],
    }
)

task = Task(
    name="sst5",
    labels=["very negative", "negative", "neutral", "positive", "very positive"],
    fields=["text"],
    description="Sentiment of a film review sentence on five levels (Stanford Sentiment Treebank).",
    kind="ordinal",
    pvps=[
        PVP("{text} It was {mask}.", quality, impression),
        PVP("{text} All in all, the film is {mask}.", quality),
        PVP("The film is {mask} because {text}", quality, impression),
        PVP("Question: how is the film? Answer: it is {mask}. {text}", quality),
        PVP("Just {mask}! {text}", quality),
    ],
)
