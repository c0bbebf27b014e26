"""Star rating of a Yelp review, from one to five.

Format: one review per row in the field `text`. Long reviews lose their middle: the verdict is
usually at the beginning or at the end.
"""

from pet import PVP, Task, Verbalizer

quality = Verbalizer(
    {
        "1 star": ["terrible", "awful", "horrible"],
        "2 stars": ["bad", "poor", "disappointing"],
        "3 stars": ["okay", "average", "decent"],
        "4 stars": ["good", "nice", "enjoyable"],
        "5 stars": ["great", "excellent", "amazing"],
    }
)
stars = Verbalizer(
    {
        "1 star": ["one"],
        "2 stars": ["two"],
        "3 stars": ["three"],
        "4 stars": ["four"],
        "5 stars": ["five"],
    }
)

task = Task(
    name="yelp_full",
    labels=["1 star", "2 stars", "3 stars", "4 stars", "5 stars"],
    fields=["text"],
    description="Star rating of a review of a restaurant, shop or service (Yelp, five levels).",
    kind="ordinal",
    pvps=[
        PVP("{text:middle} It was {mask}.", quality),
        PVP("{text:middle} All in all, it was {mask}.", quality),
        PVP("Just {mask}! {text:middle}", quality),
        PVP("Question: how was it? Answer: it was {mask}. {text:middle}", quality),
        PVP("{text:middle} I give it {mask} stars.", stars),
    ],
)
