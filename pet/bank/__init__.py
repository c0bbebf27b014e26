"""The prompt bank: several tasks on one frozen backbone, each a folder of a few kilobytes."""

from pet.bank.bank import BankRow, PromptBank
from pet.bank.prompts import change_bank, prompt_folders, read_prompt, stored_prompts
from pet.task_prompt import TaskPrompt

__all__ = [
    "BankRow",
    "PromptBank",
    "TaskPrompt",
    "change_bank",
    "prompt_folders",
    "read_prompt",
    "stored_prompts",
]
