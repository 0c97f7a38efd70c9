"""Dialogs with a host who takes orders for tables in restaurants."""

from __future__ import annotations

from embedworks.corpora.worlds._dialogs.values import DISHES, SEA_ANIMALS, Pools

NAME = "restaurant"


def values(pools: Pools) -> dict[str, tuple[str, ...]]:
    """What slots are filled with."""
    return {
        "kind": pools.emoji(DISHES),
        "date": pools.dates,
        "time": pools.times,
        "people": pools.people,
        "name": tuple(f"the {name.title()} Kitchen" for name in pools.emoji(SEA_ANIMALS)),
        "price": pools.prices(12, 45),
        "feature": (
            "a terrace by the river",
            "live music",
            "a children's menu",
            "vegan dishes",
            "an open fireplace",
            "a wine cellar",
        ),
        "contact": pools.contacts,
    }


SCRIPT = """
start
> user inform intent 2, user inform kind 2, user inform people date

user inform intent
> system request kind 2, system request people
    I want to eat out.
    We would like to have dinner somewhere nice.
    Can you find us a table?
    I'm hungry and need a restaurant.
    We are planning a birthday dinner.
    Please help me pick a place for a meal.

user inform kind
> system request people
    I am craving {kind}.
    We feel like eating {kind} tonight.
    A place that serves {kind}, please.
    Where do they cook good {kind}?
    My kids only eat {kind}, so that kind of cuisine.
    I could go for some {kind}.

user inform people date
> system request time
    A table for {people} on {date}, please.
    On {date} we will be {people} eaters.
    I need to seat {people} people for dinner on {date}.
    Can {people} of us dine with you on {date}?
    We want to have a meal on {date}, there are {people} of us.
    {people} seats at a table on {date} would be great.

user inform people
> system request time
    We will be {people} at the table.
    {people} of us are coming to eat.
    Dinner is for {people}.
    Please set the table for {people}.
    I am bringing friends, so {people} chairs.
    It's {people} hungry people.

user inform time
> system offer name 2, system offer time
    We would like to sit down at {time}.
    Dinner at {time} would suit us.
    The table should be ready by {time}.
    We'll be hungry around {time}.
    Let's eat at {time}.
    I can leave the office and be at the restaurant at {time}.

user accept time
> system offer name
    Okay, we can have dinner at {time} as well.
    {time} is fine, the children can eat a snack before.
    Then we eat at {time}, no problem.
    Good, keep the table at {time} for us.
    We take {time}, better late than hungry.
    Dining at {time} is all right.

user request price
> system inform price
    What does a meal there cost?
    Is it expensive to eat there?
    How much do they charge for a menu?
    What would dinner set us back?
    Roughly, what do main courses cost?
    Can you tell me the price of a typical plate?

user request feature
> system inform feature
    What is the place like?
    Does the restaurant have something special?
    Why do people go to eat there?
    Tell me about the atmosphere at dinner.
    What else do they have besides good food?
    Is it a nice place to sit?

user reject
> system offer name
    I don't want to eat there.
    No, we were not happy with their kitchen last time.
    That restaurant is not for me.
    Rather not, the food there is too heavy.
    No thanks, find me another table.
    My friends dislike that cook.

user accept
> system request contact 2, system confirm people time
    Sounds delicious, get us the table.
    Yes, let's eat there.
    My mouth is watering, please book it.
    That restaurant it is.
    Good, we will dine at that place.
    Great choice, reserve the table.

user inform contact
> system confirm people time
    You can ring me at {contact} about the table.
    My phone is {contact}, in case we come late for dinner.
    Call {contact} if the kitchen has questions.
    The number for the reservation is {contact}.
    Write down {contact} next to our table.
    I'm available under {contact} until we eat.

user affirm
> system notify success
    Yes, that table is right.
    Exactly, that's when we want to eat.
    Correct, tell the cook we are coming.
    Yep, everything right about the dinner.
    That's it, please keep those seats.
    True, the table is for us.

user change people
> system confirm people time
    No, another friend is joining, we are {people} now.
    Sorry, the table has to seat {people}.
    Actually {people} of us will eat.
    Wait, count again, dinner for {people}.
    It should be {people} chairs instead.
    That's not right, please lay the table for {people}.

user thank
> system bye
    Thanks, I can already taste it.
    Thank you for the table.
    Lovely, thanks, we are getting hungry.
    Thanks for helping with dinner.
    Great, thank you, my stomach is grateful.
    Cheers for the restaurant tip.

system request kind
> user inform kind
    What would you like to eat?
    Which dish are you in the mood for?
    What kind of food should they cook?
    Do you have a favourite dish in mind?
    Tell me what should be on your plate.
    Which cuisine may it be tonight?

system request people
> user inform people
    How many people are going to eat?
    For how many shall the table be set?
    How many chairs do you need at the table?
    What is the size of your dinner party?
    How many will be dining?
    How many plates do we have to prepare?

system request time
> user inform time
    When would you like to have dinner?
    What time should the table be ready?
    At what hour will you come to eat?
    When do you usually dine?
    Which seating suits you, early or late?
    For when shall I reserve the seats at the table?

system offer time
> user accept time
    The kitchen is full then, could you eat at {time}?
    I only have a table at {time}, would that work?
    How about dinner at {time} instead?
    The cooks could serve you at {time}.
    There are free chairs again at {time}.
    At that hour all tables are taken, but at {time} one is free.

system offer name
> user request price 2, user request feature 2, user reject, user accept 2
    I recommend {name} for your dinner.
    {name} is the best kitchen in the street.
    You should try {name}, their chef is excellent.
    How about a table at {name}?
    Everything is served fresh at {name}.
    At {name} you will eat very well.

system inform price
> user accept 2, user reject
    A main course is about {price} there.
    You pay {price} for a full menu.
    Dinner costs around {price} a head.
    Most plates are {price}.
    Expect to spend {price} each on food.
    The chef's menu is {price}, dessert included.

system inform feature
> user accept 2, user reject
    Diners like it for {feature}.
    The restaurant has {feature}.
    They have {feature} in addition to the menu.
    While you eat, you can enjoy {feature}.
    It is famous for {feature} and its sauces.
    You will find {feature} there, and friendly waiters.

system request contact
> user inform contact
    Which phone number may I note for the table?
    How can the restaurant reach you?
    Could the host have your number?
    Under what number can we call you about dinner?
    May I ask for a phone number for the waiter?
    Please leave a number, in case the kitchen is late.

system confirm people time
> user affirm 3, user change people
    A table for {people} at {time}, right?
    So {people} of you will eat at {time}?
    I note dinner at {time} for {people} people, correct?
    Let me repeat: {people} chairs, food served at {time}.
    You will dine at {time} and be {people}, is this right?
    We set the table for {people} at {time}, okay?

system notify success
> user thank
    Your table is reserved.
    The restaurant is expecting you for dinner.
    It's done, the cook knows about you.
    I have put you on the guest list of the kitchen.
    The waiter will keep those seats free.
    They have written you into the book, bring a good appetite.

system bye
> end
    Enjoy your meal, goodbye.
    Bon appetit and bye.
    Have a tasty evening.
    Goodbye, do try the dessert.
    Enjoy the food, until next time at the table.
    Bye, and give my regards to the chef.
"""
