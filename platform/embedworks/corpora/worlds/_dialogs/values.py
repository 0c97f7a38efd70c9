"""What the slots of ``dialogs`` are filled with: emoji names, territories, package names, and the like.

Territories and packages are shared out: domains that are held out get others than those to learn from.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from embedworks.corpora.recipe import need
from embedworks.corpora.splitting import hash_order

HELD_OUT = 0.3  # share of territories and packages
SHARED_OUT_BY = 0  # always the same, so that the user's seed draws dialogs and nothing else

ANIMALS = "🦅🦢🦁🦊🦉🐻🐬🦚🦄🐧🐘🦩🐺🦌🦭🐨"
SEA_ANIMALS = "🐙🐳🐡🦈🐠🦭🦞🐢🦪🪼"
PETS = "🐕🐈🐇🐹🦜🐢🦔🐐🫏🦆🦙🐩🐖🪿🦎🐍🐓🐁"
DISHES = "🍝🍣🍛🍕🧆🫕🍢🍡🍟🍤🥗🥞🦞🦀🦑🥙🍨🥓"
VEHICLES = "🏍🚐🚜🚚🚙🛻🛵🚗🏎🚛🚌🛺"
SPORTS = "🎾🏀🏐🏒🏑🏓🏸🥍🥎⚾🎳🏉"
GOODS = "🎒🎩👕👗👘👜💻💼👔📷📺📻🔦👟🧣🧥🖥🖨🥾⌚🎸"
FREIGHT = "🔭🔬🎷🎻🪗🪕🪘🎺🪜🛁🪞🛏🚪🪟🗄⚖🧰🧯🧮🛶🚲🗿"
PLANTS = "🌷🌹🌻🪻🌸💮🍀☘🌿"

PACKAGES = (
    "aiohttp",
    "attrs",
    "beautifulsoup4",
    "black",
    "bokeh",
    "celery",
    "click",
    "cryptography",
    "cython",
    "dask",
    "django",
    "fastapi",
    "flask",
    "gensim",
    "gunicorn",
    "httpx",
    "jinja2",
    "jupyterlab",
    "lxml",
    "matplotlib",
    "mypy",
    "networkx",
    "numba",
    "numpy",
    "pandas",
    "pillow",
    "poetry",
    "polars",
    "pydantic",
    "pytest",
    "redis",
    "requests",
    "rich",
    "scipy",
    "scrapy",
    "seaborn",
    "sqlalchemy",
    "sympy",
    "tornado",
    "uvicorn",
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("January", "March", "April", "May", "June", "August", "September", "November")
CLOCKS = ("one", "two", "four", "five", "seven", "eight", "nine", "ten")
NO_COUNTRY = {"European Union", "Eurozone"}
WITH_ARTICLE = {"Bahamas", "Comoros", "Gambia", "Maldives", "Netherlands", "Philippines", "Seychelles"}


@dataclass(frozen=True)
class Pools:
    """Values for slots.

    Attributes:
        held_out: Whether they are for an unseen domain.
    """

    held_out: bool

    @cached_property
    def territories(self) -> tuple[str, ...]:
        """Countries in English that stand well behind "in" and "to", from Unicode's CLDR."""
        names = need("babel", "babel").Locale("en").territories
        plain = {name for code, name in names.items() if len(code) == 2 and _is_plain(name)}
        return self._share(plain - NO_COUNTRY - WITH_ARTICLE)

    @cached_property
    def packages(self) -> tuple[str, ...]:
        """Names of Python distributions."""
        return self._share(PACKAGES)

    def _share(self, names: set[str] | tuple[str, ...]) -> tuple[str, ...]:
        order = hash_order(names, SHARED_OUT_BY)
        cut = round(HELD_OUT * len(order))
        return tuple(sorted(order[:cut] if self.held_out else order[cut:]))

    @staticmethod
    def emoji(symbols: str) -> tuple[str, ...]:
        """English names of emoji."""
        data = need("emoji", "emoji").EMOJI_DATA
        entries = (data.get(symbol) or data[f"{symbol}\ufe0f"] for symbol in symbols)
        return tuple(entry["en"].strip(":").replace("_", " ").lower() for entry in entries)

    @staticmethod
    def prices(low: int, high: int) -> tuple[str, ...]:
        """Amounts of money between two, in euros."""
        step = max(1, (high - low) // 40)
        return tuple(f"{amount} euros" for amount in range(low, high + 1, step))

    @cached_property
    def dates(self) -> tuple[str, ...]:
        """Days that stand well behind "on"."""
        named = [f"{day} {month}" for month in MONTHS for day in range(2, 29, 5)]
        turned = [f"{month} {day}" for month in MONTHS for day in range(4, 29, 8)]
        return (*WEEKDAYS, *(f"the {day}th" for day in range(4, 21)), *named, *turned)

    @cached_property
    def times(self) -> tuple[str, ...]:
        """Times of day that stand well behind "at"."""
        half = [f"half past {hour}" for hour in CLOCKS]
        digits = [f"{hour}:{minute}" for hour in range(9, 22) for minute in ("00", "15", "45")]
        return (*(f"{hour} o'clock" for hour in CLOCKS), *half, *digits, "noon")

    @cached_property
    def people(self) -> tuple[str, ...]:
        """Numbers of more than one person."""
        return ("two", "three", "four", "five", "six", "seven", "eight", "nine")

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """References of two letters and four digits."""
        letters = "BCDFGHKLMNPRSTVWXZ"
        return tuple(
            f"{letters[n % 18]}{letters[(7 * n + 3) % 18]}{1000 + 7919 * n % 9000}" for n in range(300)
        )

    @cached_property
    def contacts(self) -> tuple[str, ...]:
        """Telephone numbers of nobody, as in films."""
        return tuple(f"0555 {100 + 37 * n % 900} {100 + 61 * n % 900}" for n in range(300))

    @cached_property
    def versions(self) -> tuple[str, ...]:
        """Version numbers."""
        return tuple(f"{n % 9}.{(5 * n + 1) % 13}.{n % 7}" for n in range(9, 120))


def _is_plain(name: str) -> bool:
    """Whether a territory's name is one or two words that need no article."""
    words = name.split()
    article = words[0] in ("United", "Central", "Outlying", "British", "French", "American", "Dominican")
    plural = words[-1] in ("Islands", "Island", "Territory", "Territories", "Region")
    return len(words) <= 2 and name.replace(" ", "").isalpha() and not article and not plural
