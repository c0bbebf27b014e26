"""Does the second Chinese sentence follow from the first, contradict it or neither? (as in OCNLI).

Format: the fields `sentence1` and `sentence2`, as in the files of CLUE.
"""

from pet import PVP, Task, Verbalizer

answer = Verbalizer({"entailment": ["是的"], "neutral": ["也许"], "contradiction": ["不是"]})
truth = Verbalizer({"entailment": ["正确"], "neutral": ["未知"], "contradiction": ["错误"]})
relation = Verbalizer({"entailment": ["一致"], "neutral": ["无关"], "contradiction": ["矛盾"]})
link = Verbalizer({"entailment": ["所以"], "neutral": ["而且"], "contradiction": ["但是"]})

task = Task(
    name="zh_pairs",
    labels=["entailment", "neutral", "contradiction"],
    fields=["sentence1", "sentence2"],
    description="Does the second Chinese sentence follow from the first? (as in OCNLI)",
    pvps=[
        PVP("{sentence1}？{sep}{mask}，{sentence2}", answer),
        PVP("{sentence1}{sep}{mask}，{sentence2}", link),
        PVP("已知：{sentence1}{sep}那么“{sentence2}”这个说法是{mask}的。", truth),
        PVP("“{sentence1}”和“{sentence2}”，这两句话的意思{mask}。", relation),
    ],
)
