"""Topic of a question asked on Yahoo! Answers, ten classes.

Format: title and body of one question per row, together in the field `text`.
"""

from pet import PVP, Task, Verbalizer

topics = Verbalizer(
    {
        "society and culture": ["religion", "culture", "society"],
        "science and mathematics": ["science", "mathematics", "physics"],
        "health": ["health", "medicine", "medical"],
        "education and reference": ["education", "school", "homework"],
        "computers and internet": ["computer", "internet", "software"],
        "sports": ["sports", "football", "soccer"],
        "business and finance": ["business", "finance", "money"],
        "entertainment and music": ["entertainment", "music", "movies"],
        "family and relationships": ["relationships", "family", "dating"],
        "politics and government": ["politics", "government", "law"],
    }
)
names = Verbalizer(
    {
        "society and culture": ["society"],
        "science and mathematics": ["science"],
        "health": ["health"],
        "education and reference": ["education"],
        "computers and internet": ["computer"],
        "sports": ["sports"],
        "business and finance": ["business"],
        "entertainment and music": ["entertainment"],
        "family and relationships": ["relationship"],
        "politics and government": ["politics"],
    }
)

task = Task(
    name="yahoo_answers",
    labels=topics.labels,
    fields=["text"],
    description="Topic of a question from its title and body (Yahoo! Answers, ten classes).",
    pvps=[
        PVP("{mask} question: {text}", topics),
        PVP("[ Category: {mask} ] {text}", topics),
        PVP("{text} This question is about {mask}.", topics, names),
        PVP("Question: {text} Topic: {mask}.", topics, names),
        PVP("( {mask} ) {text}", topics),
    ],
)
