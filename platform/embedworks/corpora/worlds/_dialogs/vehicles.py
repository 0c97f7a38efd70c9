"""Dialogs with a station that rents vehicles out."""

from __future__ import annotations

from embedworks.corpora.worlds._dialogs.values import VEHICLES, Pools

NAME = "vehicles"


def values(pools: Pools) -> dict[str, tuple[str, ...]]:
    """What slots are filled with."""
    return {
        "kind": pools.emoji(VEHICLES),
        "place": pools.territories,
        "date": pools.dates,
        "duration": ("one day", "a weekend", "four days", "six days", "a fortnight", "a month"),
        "price": pools.prices(20, 190),
        "feature": (
            "full insurance",
            "unlimited kilometres",
            "a child seat",
            "a navigation system",
            "winter tyres",
            "a second driver",
        ),
        "payment": ("debit card", "cash at the counter", "a company account", "credit card"),
        "contact": pools.contacts,
    }


SCRIPT = """
start
> user inform kind 2, user inform intent, user inform kind duration 2

user inform intent
> system request kind
    I need some wheels.
    I'd like to rent something to drive.
    My own car broke down, so I have to hire one.
    Do you have anything I could drive for a while?
    We want to hire a vehicle.
    I am interested in a rental.

user inform kind
> system request duration 2, system request place
    I'd like to rent a {kind}.
    Do you have a {kind} in your garage that I can drive?
    We want to hire a {kind}.
    A {kind} would be the right thing to drive.
    I am looking for a {kind} with a full tank.
    Give me the keys of a {kind}.

user inform kind duration
> system request place
    I want to hire a {kind} for {duration}.
    Can I drive a {kind} for {duration}?
    How do I rent a {kind}? I'd have it for {duration}.
    We need a {kind}, {duration} of rental.
    For {duration} I would like the keys of a {kind}.
    My plan is to drive a {kind} around for {duration}.

user inform duration
> system request place
    I will bring it back after {duration}.
    The rental is for {duration}.
    I want to drive it for {duration}.
    {duration} on the road should do.
    We'd return the keys after {duration}.
    Let me have the vehicle for {duration}.

user inform place
> system request date
    I pick it up in {place}.
    We will be driving in {place}.
    The rental station in {place} is nearest.
    I'd collect the keys in {place}.
    Please have it parked in {place}.
    We start our road trip in {place}.

user inform date
> system offer price, system notify failure
    I would collect it on {date}.
    I'll come for the keys on {date}.
    The road trip begins on {date}.
    From {date} on I want to drive.
    Have it fuelled and ready on {date}.
    The rental period starts {date}.

user request feature
> system inform feature
    What is covered by the rental?
    Does the vehicle come with anything extra?
    Is something like insurance part of the deal?
    Which equipment is in it?
    What do I get for the rental fee?
    Are there any extras on board?

user request alternative
> system offer kind
    What else is parked in your garage?
    Do you rent out anything similar?
    Then what other vehicle can I drive?
    Show me something else with wheels.
    Is a different model free?
    I'd take another vehicle, which ones are there?

user accept
> system request payment, system request contact
    Deal, I rent it.
    I will drive that one.
    Good rate, hand me the contract.
    Yes, that vehicle will do.
    All right, I'll have it.
    Fine, reserve the keys for me.

user inform payment
> system confirm place date
    I pay the rental by {payment}.
    The deposit comes by {payment}.
    Take {payment} for the vehicle.
    I'd use {payment} to settle the rental bill.
    You'll get your rental fee through {payment}.
    My preference is {payment} when I hire things.

user inform contact
> system confirm place date
    If the vehicle is late, dial {contact}.
    The driver's phone number is {contact}.
    I can be called in the car at {contact}.
    {contact} is my mobile on the road.
    Write {contact} into the rental contract.
    My number for the station is {contact}.

user affirm
> system notify success
    Yes, that's where I collect the keys.
    Correct, fill in the rental contract.
    Right, I will be there with my licence.
    That's how I want to rent it.
    Yes, pick-up is exactly then.
    True, have it washed for me.

user change place
> system confirm place date
    No, I want to get the keys in {place}.
    The station is wrong, it should be {place}.
    Change that, we start driving in {place}.
    I'd rather fetch the vehicle in {place}.
    Please move the pick-up to {place}.
    I misspoke, my rental begins in {place}.

user bye
> end
    See you at the garage, bye.
    Bye, I'll bring my driving licence.
    Then until the pick-up.
    Goodbye, I can't wait to drive.
    Talk to you at the rental station.
    Okay, bye, and leave the engine running.

system request kind
> user inform kind
    What would you like to drive?
    Which vehicle are you going to need?
    What type of vehicle shall I look for in the garage?
    Two wheels or four, what do you want to rent?
    What kind of model do you have in mind?
    Which of our vehicles may it be?

system request duration
> user inform duration
    How long will you drive it?
    For what period do you want to rent?
    When do you bring back the keys?
    How many days is the rental?
    How much time do you need the vehicle?
    What is the rental period?

system request place
> user inform place
    At which station do you pick it up?
    Where shall we park it for you?
    Where do you want to collect the vehicle?
    In what country are you going to drive?
    Which rental station is closest to you?
    Where should the keys be handed over?

system request date
> user inform date
    On what day do you come for the keys?
    When does your rental start?
    From when on do you need it on the road?
    Which day is the pick-up?
    When should the tank be full and the vehicle ready?
    What's the first day you want to drive?

system offer price
> user request feature 2, user accept 2, user request alternative
    We rent it out for {price} a day.
    The daily rate of this vehicle is {price}.
    That makes {price} per day, fuel not included.
    You can drive it for {price} a day.
    One day on the road costs {price}.
    I have one in the garage at {price} daily.

system offer kind
> user request feature, user accept 2, user request alternative
    In the garage there is also a {kind}.
    You could drive a {kind} instead.
    I can rent you a {kind}, freshly washed.
    What about a {kind}? The engine is new.
    We have a {kind} standing here with a full tank.
    A {kind} is available at the same rate.

system inform feature
> user accept 3, user request alternative
    The rental covers {feature}.
    The rate includes {feature}.
    Every vehicle of ours is rented with {feature}.
    The contract gives you {feature} too.
    For no extra rental fee there is {feature}.
    Drivers get {feature} on top.

system request payment
> user inform payment
    How will you pay for the rental?
    How do you leave the deposit?
    What are you paying the vehicle with?
    In which way should we collect the rental fee?
    How would you like to settle the rental contract?
    Which payment may I enter for the driver?

system request contact
> user inform contact
    What's the driver's phone number?
    How can the garage call you?
    Where do we reach you on the road?
    A phone number for the rental contract, please?
    May the station have your mobile number?
    Whom do we ring if the vehicle is delayed?

system confirm place date
> user affirm 3, user change place
    Pick-up in {place} on {date}, correct?
    You collect the keys in {place} on {date}?
    So the vehicle waits in {place} on {date}, is this right?
    The contract says station {place}, day {date}. Agreed?
    We hand it over in {place} on {date}, yes?
    I read back: keys on {date}, garage in {place}.

system notify success
> user bye
    The vehicle is reserved for you.
    Your rental contract is ready to be signed.
    The keys have your name on them now.
    I've blocked it in the garage for you.
    The rental is confirmed, drive safely.
    It's yours from the pick-up on.

system notify failure
> user request alternative
    I'm afraid all of those are on the road.
    That model is rented out, sorry.
    Our mechanic has it in repair just now.
    There is none left in the garage on that day.
    Sadly somebody else has its keys.
    Every single one is already taken by other drivers.
"""
