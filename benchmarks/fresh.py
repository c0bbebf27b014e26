"""A second set of patterns for every task: no model was trained with them.

The second edition of the embedded model was taught to answer the built-in tasks' own patterns, so
accuracy with them says little about a stranger's first try; the third was taught neither those nor
these. They were written once, as somebody who knows the task but not the model would, and not
changed since.
"""

from __future__ import annotations

from dataclasses import replace

from pet import PVP, Task, Verbalizer
from pet.task import load_task

_POLARITY = {"negative": ["bad", "terrible"], "positive": ["good", "great"]}
_FOLLOWS = {"entailment": ["yes"], "neutral": ["maybe"], "contradiction": ["no"]}
_TRUE = {"entailment": ["true"], "neutral": ["possible"], "contradiction": ["false"]}
_NLI = [
    ('"{premise}" Does it follow that "{hypothesis}"? {mask}.', _FOLLOWS),
    ("Given: {premise}{sep}Claim: {hypothesis} The claim is {mask}.", _TRUE),
    ("Is it so that {hypothesis}? {mask}, because {premise}", _FOLLOWS),
    ("{premise} Therefore: {hypothesis} {mask}!", _FOLLOWS),
]
_TOPICS = {
    "society and culture": ["society", "religion"],
    "science and mathematics": ["science", "mathematics"],
    "health": ["health", "medical"],
    "education and reference": ["education", "school"],
    "computers and internet": ["computers", "internet"],
    "sports": ["sports", "game"],
    "business and finance": ["business", "money"],
    "entertainment and music": ["music", "entertainment"],
    "family and relationships": ["family", "love"],
    "politics and government": ["politics", "government"],
}
_YES = {"yes": ["yes"], "no": ["no"]}
_RIGHT = {"yes": ["true"], "no": ["false"]}
_KEYWORDS = Verbalizer.load("banking77_keyword")


def _levels(task: str) -> dict[str, list[str]]:
    words = ("terrible", "bad", "okay", "good", "great")
    return {label: [word] for label, word in zip(load_task(task).labels, words, strict=True)}


def _equal(no: str, yes: str) -> dict[str, list[str]]:
    return {"not equivalent": [no], "equivalent": [yes]}


def _same(no: str, yes: str) -> dict[str, list[str]]:
    return {"not duplicate": [no], "duplicate": [yes]}


# Task -> (pattern, label words) of each pattern.
FRESH: dict[str, list[tuple[str, dict[str, list[str]] | Verbalizer]]] = {
    "ag_news": [
        (pattern, words)
        for words in [
            {
                "world": ["world", "war"],
                "sports": ["sports", "team"],
                "business": ["business", "market"],
                "science and technology": ["technology", "science"],
            }
        ]
        for pattern in (
            "An article for the {mask} section: {text}",
            "{text} Readers who like {mask} will read on.",
            "From our {mask} desk. {text}",
            "{text} Filed under {mask}.",
        )
    ],
    "trec": [
        (pattern, words)
        for words in [
            {
                "abbreviation": ["abbreviation", "acronym"],
                "entity": ["thing", "product"],
                "description": ["description", "explanation"],
                "human": ["person", "name"],
                "location": ["place", "country"],
                "number": ["number", "year"],
            }
        ]
        for pattern in (
            "{text} Please tell me the {mask}.",
            "He asked for a {mask}: {text}",
            "{text} The reply will be a {mask}.",
            "Looking for a {mask}. {text}",
        )
    ],
    "emotion": [
        (pattern, words)
        for words in [
            {
                "anger": ["angry", "mad"],
                "fear": ["afraid", "anxious"],
                "joy": ["happy", "pleased"],
                "love": ["loving", "tender"],
                "sadness": ["sad", "unhappy"],
                "surprise": ["surprised", "shocked"],
            }
        ]
        for pattern in (
            "{text} Whoever wrote this is {mask}.",
            "Today I am {mask}: {text}",
            "{text} She sounds {mask}.",
            "Mood: {mask}. {text}",
        )
    ],
    "sst2": [
        ("Should you see it? It is {mask}. {text}", _POLARITY),
        ("{text} My verdict: {mask}.", _POLARITY),
        ("Critics say this one is {mask}: {text}", _POLARITY),
        ("{text} That sounds {mask} to me.", _POLARITY),
    ],
    "mr": [
        ("{text} For a night out it is {mask}.", _POLARITY),
        ("Our critic found it {mask}. {text}", _POLARITY),
        ("{text} The director did a {mask} job.", _POLARITY),
        ("Overall {mask}. {text}", _POLARITY),
    ],
    "sst5": [
        (pattern, _levels("sst5"))
        for pattern in (
            "{text} My verdict: {mask}.",
            "Critics say this one is {mask}: {text}",
            "{text} I would call it {mask}.",
            "A {mask} picture, by this account: {text}",
        )
    ],
    "yelp_full": [
        (pattern, _levels("yelp_full"))
        for pattern in (
            "{text:middle} My visit was {mask}.",
            "The service here is {mask}. {text:middle}",
            "{text:middle} I would call this place {mask}.",
            "A {mask} experience: {text:middle}",
        )
    ],
    "yahoo_answers": [
        (pattern, _TOPICS)
        for pattern in (
            "Ask an expert on {mask}: {text}",
            "{text} Post this in the {mask} forum.",
            "I have a problem with {mask}. {text}",
            "{text} Filed under {mask}.",
        )
    ],
    "banking77": [
        (pattern, _KEYWORDS)
        for pattern in (
            "{text} The customer's problem is the {mask}.",
            "Help with {mask}: {text}",
            "{text} Keyword: {mask}.",
            "Re: {mask}. {text}",
        )
    ],
    "mnli": list(_NLI),
    "snli": list(_NLI),
    "rte": [
        (pattern, words)
        for pattern, words in zip(
            [pattern for pattern, _ in _NLI],
            [
                {"entailment": ["yes"], "not entailment": ["no"]},
                {"entailment": ["true"], "not entailment": ["false"]},
                {"entailment": ["yes"], "not entailment": ["no"]},
                {"entailment": ["yes"], "not entailment": ["no"]},
            ],
            strict=True,
        )
    ],
    "mrpc": [
        ("{first} Put differently: {second} {mask}.", _equal("no", "yes")),
        ("{first}{sep}A {mask} report: {second}", _equal("different", "similar")),
        ("Both tell the same story? {mask}. {first}{sep}{second}", _equal("no", "yes")),
        ("{first}{sep}{second} Their meaning is {mask}.", _equal("different", "same")),
    ],
    "qqp": [
        ("{question1} Put differently: {question2} {mask}.", _same("no", "yes")),
        ("{question1}{sep}A {mask} question: {question2}", _same("different", "similar")),
        ("One answer for both? {mask}. {question1}{sep}{question2}", _same("no", "yes")),
        ("{question1}{sep}{question2} Their meaning is {mask}.", _same("different", "same")),
    ],
    "boolq": [
        ("{question:keep}? {mask}, as we read here: {passage}", _YES),
        ("{passage}{sep}So, {question:keep}? {mask}!", _YES),
        ("{passage}{sep}Is this right: {question:keep}? That is {mask}.", _RIGHT),
        ("Quiz: {question:keep}? Solution: {mask}.{sep}{passage}", _YES),
    ],
}  # fmt: skip


def fresh(name: str) -> Task:
    """Return a built-in task with its second set of patterns."""
    pvps = [
        PVP(pattern, words if isinstance(words, Verbalizer) else Verbalizer(words))
        for pattern, words in FRESH[name]
    ]
    return replace(load_task(name), pvps=pvps)
