"""Topic of a Chinese news headline: fifteen sections of a news app (as in TNEWS, of CLUE).

Format: the field `sentence`; labels in the column `label_desc`, as in the files of CLUE.
"""

from pet import PVP, Task, Verbalizer

section = Verbalizer(
    {
        "news_story": ["故事"],
        "news_culture": ["文化"],
        "news_entertainment": ["娱乐"],
        "news_sports": ["体育"],
        "news_finance": ["财经"],
        "news_house": ["房产"],
        "news_car": ["汽车"],
        "news_edu": ["教育"],
        "news_tech": ["科技"],
        "news_military": ["军事"],
        "news_travel": ["旅游"],
        "news_world": ["国际"],
        "news_stock": ["股票"],
        "news_agriculture": ["农业"],
        "news_game": ["游戏"],
    }
)

task = Task(
    name="zh_news",
    labels=list(section.labels),
    fields=["sentence"],
    label_column="label_desc",
    description="Topic of a Chinese news headline (fifteen sections, as in TNEWS).",
    pvps=[
        PVP("{mask}新闻：{sentence}", section),
        PVP("【{mask}】{sentence}", section),
        PVP("{sentence}。这是一条{mask}新闻。", section),
        PVP("下面这条新闻来自{mask}频道：{sentence}", section),
        PVP("“{sentence}”，这个标题说的是{mask}。", section),
    ],
)
