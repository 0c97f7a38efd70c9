"""Dialogs with a shelter that finds homes for animals."""

from __future__ import annotations

from embedworks.corpora.worlds._dialogs.values import PETS, Pools

NAME = "shelter"


def values(pools: Pools) -> dict[str, tuple[str, ...]]:
    """What slots are filled with."""
    return {
        "kind": pools.emoji(PETS),
        "name": ("Bella", "Rocky", "Luna", "Oscar", "Daisy", "Toby", "Molly", "Felix", "Coco", "Bruno"),
        "size": ("tiny", "small", "middle-sized", "big", "enormous"),
        "feature": (
            "a gentle temper",
            "all its vaccinations",
            "a loud voice",
            "a healthy appetite",
            "a soft coat",
            "a chip under the skin",
        ),
        "price": pools.prices(15, 240),
        "date": pools.dates,
        "time": pools.times,
        "contact": pools.contacts,
    }


SCRIPT = """
start
> user inform intent 2, user inform kind 2, user inform kind size

user inform intent
> system request kind
    We want to adopt an animal.
    I am lonely and would like a pet.
    Our children keep asking for a pet.
    I'd love to give a stray a new home.
    Do you have animals looking for a family?
    My old companion died, I want to adopt again.

user inform kind
> system request size, system offer name 2
    I would love to adopt a {kind}.
    Is there a {kind} in your shelter?
    We have always wanted a {kind} as a pet.
    My daughter dreams of a {kind}.
    A {kind} would be welcome in our garden.
    I grew up with a {kind} and want one again.

user inform kind size
> system offer name
    We are looking for a {kind}, a {size} one.
    Do you keep a {kind} that is {size}?
    A {size} pet, preferably a {kind}.
    My flat is right for a {size} animal, like a {kind}.
    I'd like to adopt a {kind}; it should be {size}.
    Is there any {kind} in the cages that stays {size}?

user inform size
> system offer name
    It should be {size}, we don't live in a castle.
    I prefer {size} pets.
    A {size} animal would fit on our sofa.
    Please a {size} one.
    Our landlord allows {size} animals.
    Something {size}, for the sake of my cat.

user request feature
> system inform feature
    What is the animal like?
    Tell me about its character.
    Does it get along with kids?
    Is it healthy and tame?
    How does it behave in the shelter?
    Is there anything a new owner has to know?

user request price
> system inform price
    What is the adoption fee?
    How much do you ask for the animal?
    Do we have to pay for adopting it?
    What do we owe the shelter?
    Is there a charge for a pet?
    How much does it cost to take it home?

user request alternative
> system offer name, system notify failure
    Which other animals need a home?
    That one doesn't suit us, who else is in the shelter?
    My son is afraid of it, is there another?
    Could we adopt a different one?
    Who is living in the next cage?
    Have you got more animals to show?

user accept
> system request date
    We fell in love, we want to meet it.
    Yes, that animal shall live with us.
    It sounds adorable, may we visit?
    That's the pet for us.
    We'd be happy to adopt that one.
    My heart melts, I take it.

user inform date
> system request time 2, system offer time
    We can visit the shelter on {date}.
    I'd come to stroke it on {date}.
    The whole family is free to meet it on {date}.
    {date} is when we would fetch it.
    Let's get acquainted with the animal on {date}.
    I can bring the carrier on {date}.

user inform time
> system confirm date time 2, system request contact
    We will be at the cages at {time}.
    I come and play with it at {time}.
    School is out then, we arrive at {time} to see it.
    Let me meet the animal at {time}.
    Feeding time is interesting, so {time}.
    At {time}, if it is awake by then.

user accept time
> system confirm date time 2, system request contact
    Then we meet our pet at {time}, good.
    {time} is okay, the animal won't mind.
    We can be with you at {time}.
    Visiting at {time} is possible for us.
    Good, we see the animal at {time}.
    {time}, my daughter can hardly wait.

user inform contact
> system confirm date time
    Call {contact} if the animal falls ill.
    The future owner can be phoned at {contact}.
    My number for the adoption papers is {contact}.
    {contact} is our telephone at home.
    You reach our family at {contact}.
    In case it runs away, I am at {contact}.

user affirm
> system notify success
    Yes, we are coming to see it then.
    Right, our visit is as you say.
    Correct, we are bringing a basket.
    Yes, that's when we pick up the pet.
    Just so, and we bring some treats.
    Exactly, the children have marked it in red.

user change date
> system confirm date time
    No, we visit the animals on {date}.
    Can we move our visit to {date}?
    We mixed it up, the shelter visit is on {date}.
    My wife works that day, let us come for the pet on {date}.
    It has to be {date}, the cage is not delivered before.
    Rather {date}, then my daughter can come to see it.

user change kind
> system offer name
    Then we would adopt a {kind} instead.
    In that case a {kind} may move in with us.
    Maybe you have a {kind} for our family?
    My daughter says a {kind} would be nice as well.
    What a pity. Is a {kind} waiting for adoption?
    Let me think of another pet, how about a {kind}?

user thank+bye
> end
    Thank you, see you and the animals soon, bye.
    Thanks for caring for them, goodbye.
    Lovely, thanks. Give it a hug, bye.
    Thank you so much, bye, we go and buy some food bowls.
    Thanks, and goodbye to all the pets.
    The kids say thank you and bye bye.

system request kind
> user inform kind 2, user inform kind size
    Which animal would you like?
    What sort of pet are you dreaming of?
    Who should move in with you, fur or feathers?
    Which species may it be?
    What animal has your heart?
    Tell me what pet you would like to adopt.

system request size
> user inform size
    How big may the animal get?
    Do you prefer a small or a large one?
    What size of pet fits your home?
    How much room is there for it?
    Does it have to be a small animal?
    How tall should your new friend be?

system offer name
> user request feature 2, user request price, user request alternative, user accept
    Let me introduce {name}, who needs a family.
    {name} has been in our shelter for months.
    How about {name}? Everybody here adores that animal.
    You should get to know {name}.
    We have {name}, found by the roadside last winter.
    There's {name}, who would love a garden.

system inform feature
> user request price, user accept 2
    Our vet says it has {feature}.
    The animal has {feature}.
    The keepers noticed {feature} at once.
    You get a pet with {feature}.
    It came to us with {feature}.
    What you will notice is {feature}.

system inform price
> user accept 3, user request alternative
    The adoption fee is {price}.
    We ask for {price} to cover the vet.
    Families give the shelter {price}.
    For {price} it comes with a leash.
    It costs {price}, food for a week included.
    Our animals are placed for {price}.

system request date
> user inform date
    When would you like to visit the animal?
    On what day can you come to the shelter?
    Which day will you meet it?
    When are you going to fetch your pet?
    When does the whole family have a day for it?
    On which day may our keeper expect you?

system request time
> user inform time
    At what time are you at the shelter?
    When during the day will you visit the cages?
    Before or after feeding, what time?
    What time should it be brushed and ready?
    What hour suits you for stroking it?
    When may the keeper open the cage for you?

system offer time
> user accept time
    The keeper could show you the animal at {time}.
    Visitors are let in at {time}, would you come then?
    After its walk, at {time}, it is calm.
    Would {time} suit you, right after feeding?
    The shelter opens for families at {time}.
    We could bring it out to play at {time}.

system request contact
> user inform contact
    What telephone number do the adoption papers get?
    How can the keeper reach your family?
    May the shelter have your number?
    Where can our vet call you?
    Which number should we dial if it is sick?
    Please tell me the number of the new owner.

system confirm date time
> user affirm 3, user change date
    You visit the animal on {date} at {time}, correct?
    The keeper will be waiting on {date} at {time}, right?
    So you meet your pet at {time} on {date}?
    I note your visit to the cages: {date}, {time}. Yes?
    On {date} at {time} you come to the shelter, is it so?
    It will be brushed on {date} by {time}, is that what you want?

system notify success
> user thank+bye
    It's agreed, the animal is reserved for you.
    Wonderful, nobody else can adopt it now.
    I've hung your name on the cage.
    The keepers are informed of your visit.
    Your new friend is waiting for you.
    The adoption is prepared, congratulations.

system notify failure
> user change kind
    Unfortunately all others have found a home.
    The other cages are empty, sorry.
    I have no other animal of that sort.
    The remaining ones are too ill to leave us.
    Sorry, every one of them is already adopted.
    There is no such animal in the shelter any more.
"""
