"""Sentiment of a Chinese review of a hotel, a product or a book (as in ChnSentiCorp).

Format: one review per row in the field `text`. Sets that write 0 and 1: negative and positive.
"""

from pet import PVP, Task, Verbalizer

quality = Verbalizer({"negative": ["差", "糟"], "positive": ["好", "棒"]})
rating = Verbalizer({"negative": ["差"], "positive": ["好"]})
degree = Verbalizer({"negative": ["不"], "positive": ["很"]})
feeling = Verbalizer({"negative": ["糟糕"], "positive": ["不错"]})

task = Task(
    name="zh_sentiment",
    labels=["negative", "positive"],
    fields=["text"],
    description="Sentiment of a Chinese review of a hotel, a product or a book.",
    pvps=[
        PVP("{text}总之，很{mask}。", quality),
        PVP("{mask}评：{text}", rating),
        PVP("{text}我{mask}满意。", degree),
        PVP("{text}我{mask}喜欢。", degree),
        PVP("{text}整体感觉{mask}。", feeling),
    ],
)
