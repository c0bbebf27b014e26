"""Topic of a news article: AG's News.

Format: title and first sentences of one article per row, together in the field `text`.
"""

from pet import PVP, Task, Verbalizer

topics = Verbalizer(
    {
        "world": ["world", "international", "politics"],
        "sports": ["sports", "sport", "football"],
        "business": ["business", "finance", "economy"],
        "science and technology": ["science", "technology", "computer"],
    }
)
sections = Verbalizer(
    {
        "world": ["world"],
        "sports": ["sports"],
        "business": ["business"],
        "science and technology": ["technology"],
    }
)

task = Task(
    name="ag_news",
    labels=["world", "sports", "business", "science and technology"],
    fields=["text"],
    description="Topic of a news article from its title and first sentences (AG's News).",
    pvps=[
        PVP("{mask} News: {text}", topics, sections),
        PVP("[ Category: {mask} ] {text}", topics, sections),
        PVP("{text} This is {mask} news.", topics),
        PVP("Question: what is this news about? Answer: {mask}. {text}", topics),
        PVP("( {mask} ) {text}", topics),
    ],
)
