"""What the abbreviations of the dictionary stand for: fields of knowledge, languages, parts of speech."""

from __future__ import annotations

import re

_SUBJECTS = {
    "architecture": "Arch|Architecture|Gothic Arch|Carp|Masonry|Joinery|Building|Bridge Building",
    "anatomy": "Anat|Comp. Anat|Embryol",
    "art": "Art|Fine Arts|Fine Art|Paint|Painting|Sculp|Sculpture|Engraving|Photog|Drawing|Persp",
    "astronomy": "Astron|Anc. Astron|Astrol|Navigation",
    "biology": "Biol|Bacteriol|Physiol|Physiol. Chem|Nat. Hist",
    "botany": "Bot|Hort|Agric|Agriculture|Forestry",
    "chemistry": "Chem|Old Chem|Org. Chem|Organ. Chem|Med. Chem|Old Med. Chem|Alchemy|Pharm",
    "commerce": "Com|Finance|Banking|Bookkeeping|Stock Exchange|Brokers' Cant|Insurance|Polit. Econ",
    "games": "Football|Baseball|Cricket|Card Playing|Chess|Golf|Billiards|Croquet|Games|Tennis|Sports",
    "geology": "Geol|Min|Mining|Crystallog|Paleon|Phys. Geog|Geog|Phys. Geol|Petrog",
    "heraldry": "Her",
    "history": "Hist|Eng. Hist|Rom. Antiq|Jewish Antiq|Gr. Antiq|French Hist|U. S. Hist|Rom. Hist|Antiq"
    "|Eccl. Hist|Amer. Hist|Class. Antiq|Archaeol",
    "language": "Gram|Rhet|Pros|Phon|Philol|Eng. Gram|Gr. Gram|Lat. Gram",
    "law": "Law|Eng. Law|O. Eng. Law|Old Eng. Law|Scots Law|Civil Law|Feudal Law|Rom. Law|Roman Law|Old Law"
    "|Internat. Law|Criminal Law|Legislation|Politics|Mil. Law|Insurance Law|Maritime Law",
    "mathematics": "Math|Geom|Alg|Arith|Trig|Trigon|Descriptive Geom|Anal. Geom|Solid Geom|Surv",
    "mechanics": "Mach|Mech|Engin|Eng|Steam Engine|Steam Eng|Steam Boiler|Steam Boilers|Civil Engin"
    "|Railroad|Railroads|Gearing|Hydraulic Engin|Weaving|Spinning|Metal Working|Founding|Metal|Metallurgy"
    "|Print|Printing|Horology|Horol|Locksmithing|Bookbinding|Dyeing",
    "medicine": "Med|Surg|Pathol|Far|Obstetrics|Veter|Old Med|Dentistry",
    "military": "Mil|Fort|Gun|Gunnery|Ordnance|Ord|Firearms|Mil. Antiq|Archery|Fencing",
    "music": "Mus",
    "nautical": "Naut|Shipbuilding|Nav|Navy",
    "philosophy": "Logic|Metaph|Philos|Psychol|Ethics",
    "physics": "Physics|Phys|Opt|Optics|Elec|Magnetism|Magnetics|Acoustics|Meteor|Meteorol|Mech. Physics"
    "|Thermodynamics|Wireless Teleg|Teleg",
    "religion": "R. C. Ch|Eccl|Theol|Script|Ch. of Eng|Jewish Theol|Bib|Myth|Gr. Myth|Rom. Myth|Class. Myth"
    "|Prot. Epis. Ch|Eccles|Freemasonry",
    "zoology": "Zool|Zo|Ornith|Entom|Ichth|Man|Ethnol",
}
SUBJECTS = {label: subject for subject, labels in _SUBJECTS.items() for label in labels.split("|")}

LANGUAGES = {
    "L": "Latin",
    "NL": "New Latin",
    "LL": "Late Latin",
    "F": "French",
    "OF": "Old French",
    "Gr": "Greek",
    "OE": "Old English",
    "AS": "Anglo-Saxon",
    "It": "Italian",
    "Sp": "Spanish",
    "Pg": "Portuguese",
    "G": "German",
    "LG": "Low German",
    "OHG": "Old High German",
    "MHG": "Middle High German",
    "D": "Dutch",
    "OD": "Old Dutch",
    "Dan": "Danish",
    "Sw": "Swedish",
    "Norw": "Norwegian",
    "Icel": "Icelandic",
    "Scand": "Scandinavian",
    "Scot": "Scottish",
    "Gael": "Gaelic",
    "Ir": "Irish",
    "W": "Welsh",
    "Celt": "Celtic",
    "Russ": "Russian",
    "Pol": "Polish",
    "Hung": "Hungarian",
    "Hind": "Hindi",
    "Skr": "Sanskrit",
    "Per": "Persian",
    "Ar": "Arabic",
    "Heb": "Hebrew",
    "Turk": "Turkish",
    "Chin": "Chinese",
    "Jap": "Japanese",
}
_NAMED = ("Malay", "Tamil", "Yiddish", "Chinese", "Japanese", "Hawaiian", "Bengali", "Russian", "Celtic")
LANGUAGE = re.compile(rf"\b(?:({'|'.join(LANGUAGES)})\.|({'|'.join(_NAMED)})\b)")

_PARTS = (  # the first that fits; "n. & v." counts as its first
    ("affix", r"pref|suff|combining"),
    ("noun", r"(?:prop\. |pr\. |peop\. )?n\b|vb\. n|pl\b"),
    ("pronoun", r"(?:\w+\. )*pron"),
    ("preposition", r"prep"),
    ("conjunction", r"conj"),
    ("interjection", r"interj"),
    ("adverb", r"adv"),
    ("adjective", r"(?:prop\. |pred\. |p\. )?a(?:dj)?\b|p\. p\. & a"),
    ("verb", r"v\b|(?:strong |obs\. )?imp|p\. p|p\. pr|\d. pers|\d. sing|phrasal v"),
)
PARTS_OF_SPEECH = tuple(name for name, _ in _PARTS)


def part_of_speech(printed: str) -> str:
    """``v. t. & i.`` -> ``verb``; empty where the abbreviation is none of :data:`PARTS_OF_SPEECH`."""
    return next((name for name, pattern in _PARTS if re.match(pattern, printed)), "")


def subject(label: str) -> str:
    """``Steam Engine`` -> ``mechanics``, by the first of ``Med. & Chem.``; empty for what is no subject."""
    first = re.split(r" & | and |, ", label)[0]
    return SUBJECTS.get(first.strip().rstrip("."), "")


def language(etymology: str) -> str:
    """The first language that an etymology names; empty where it names none."""
    found = LANGUAGE.search(etymology)
    return (LANGUAGES[found[1]] if found[1] else found[2]) if found else ""
