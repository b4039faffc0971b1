"""The law as dated data: loads the rule files strictly and answers what holds for a number on a day."""

from cape_engine.rules.loading import default_folder, load
from cape_engine.rules.ruleset import Ruleset, plain_word

__all__ = ["Ruleset", "default_folder", "load", "plain_word"]
