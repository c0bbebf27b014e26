"""The prompt bank: several tasks on one frozen backbone, each a folder of a few kilobytes."""

from pet.bank.bank import BankRow, PromptBank
from pet.bank.prompts import TaskPrompt, read_prompt, remove_prompt, store_prompt, stored_prompts

__all__ = [
    "BankRow",
    "PromptBank",
    "TaskPrompt",
    "read_prompt",
    "remove_prompt",
    "store_prompt",
    "stored_prompts",
]
