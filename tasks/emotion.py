"""Emotion of a tweet, six classes (the `emotion` data of Saravia et al.).

Format: one lower-case tweet per row in the field `text`.
"""

from pet import PVP, Task, Verbalizer

feelings = Verbalizer(
    {
        "anger": ["angry", "annoyed", "furious"],
        "fear": ["afraid", "scared", "nervous"],
        "joy": ["happy", "glad", "excited"],
        "love": ["loved", "loving", "caring"],
        "sadness": ["sad", "lonely", "miserable"],
        "surprise": ["surprised", "amazed", "curious"],
    }
)
nouns = Verbalizer(
    {
        "anger": ["anger", "rage"],
        "fear": ["fear", "panic"],
        "joy": ["joy", "happiness"],
        "love": ["love", "affection"],
        "sadness": ["sadness", "grief"],
        "surprise": ["surprise", "shock"],
    }
)

task = Task(
    name="emotion",
    labels=["anger", "fear", "joy", "love", "sadness", "surprise"],
    fields=["text"],
    description="Emotion of a tweet (six classes).",
    pvps=[
        PVP("I feel {mask}. {text}", feelings),
        PVP("{text} I feel {mask}.", feelings),
        PVP("Question: how do you feel? Answer: I feel {mask}. {text}", feelings),
        PVP("{text} It is a feeling of {mask}.", nouns),
        PVP("( {mask} ) {text}", feelings, nouns),
    ],
)
