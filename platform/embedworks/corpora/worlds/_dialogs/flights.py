"""Dialogs with an agent who sells flights."""

from __future__ import annotations

from embedworks.corpora.worlds._dialogs.values import Pools

NAME = "flights"


def values(pools: Pools) -> dict[str, tuple[str, ...]]:
    """What slots are filled with."""
    return {
        "origin": pools.territories,
        "destination": pools.territories,
        "date": pools.dates,
        "time": pools.times,
        "people": pools.people,
        "price": pools.prices(90, 900),
        "payment": ("credit card", "bank transfer", "air miles", "a travel voucher", "direct debit"),
        "feature": (
            "two checked bags",
            "a hot meal on board",
            "extra legroom",
            "free rebooking",
            "access to the airport lounge",
        ),
        "code": pools.codes,
    }


SCRIPT = """
start
> user greet, user inform destination 2, user inform origin destination 2

user greet
> system greet
    Hello, is this the airline?
    Hi, am I connected with flight sales?
    Good morning, do you sell plane tickets?
    Hello, I have a question about flying.
    Good day, is that the ticket counter?
    Hi, I'd like to speak to someone about flights.

user inform destination
> system request origin
    I want to fly to {destination}.
    I need a plane ticket to {destination}.
    Which airlines go to {destination}? I have to get there.
    My boss is sending me to {destination}.
    Please get me on a plane to {destination}.
    We have to land in {destination} for a wedding.

user inform origin destination
> system request date
    I need a flight from {origin} to {destination}.
    Are there planes between {origin} and {destination}? I want to take one.
    I live in {origin} and want to fly to {destination}.
    Departure {origin}, arrival {destination}, please.
    Can I fly from {origin} straight to {destination}?
    One ticket out of {origin}, landing in {destination}.

user inform origin
> system request date
    I take off from {origin}.
    My departure airport is in {origin}.
    I would board in {origin}.
    We are leaving from {origin}.
    The plane should start in {origin}.
    I'm still in {origin}, so from here.

user inform date
> system request people, system offer time price 2
    I would like to fly on {date}.
    The departure should be on {date}.
    I must be on a plane on {date}.
    Any flight on {date} is okay.
    My meeting starts the day after, so I leave on {date}.
    Put me on the aircraft on {date}.

user inform people
> system offer time price
    There are {people} passengers.
    {people} of us are flying.
    I need {people} seats on the plane.
    It's {people} tickets in total.
    We travel as a group of {people}.
    Please calculate the fare for {people} travellers.

user reject price
> system offer time price
    {price} is too much for a flight.
    I won't pay {price} to sit in a plane.
    Isn't there a ticket below {price}?
    {price}? That fare is crazy.
    My company does not refund {price} for flying.
    For {price} I could take the train twice.

user request feature
> system inform feature
    What is included in the fare?
    Do I get anything besides the seat?
    What comes with the ticket?
    Are bags and meals part of that fare?
    What are the conditions of this ticket?
    Which services on board are free?

user accept
> system request payment 3, system notify failure
    I take that flight.
    Good, issue the ticket.
    This departure works for me.
    Yes, I want to be on that plane.
    Book me a seat on it.
    That connection is fine, let's fly.

user inform payment
> system confirm destination date
    I'll settle the fare by {payment}.
    I would pay for the ticket with {payment}.
    The flight goes on {payment}.
    Charge the seats to me, using {payment}.
    {payment} is how I always buy plane tickets.
    Can you take {payment} for the fare?

user affirm
> system notify success code
    Yes, that is the flight I mean.
    Correct, please write the ticket.
    That's the right plane, yes.
    All true, take the money and let me fly.
    Yes, destination and departure are right.
    That is my itinerary indeed.

user change destination
> system confirm destination date
    No, I said {destination}, not there.
    Wrong airport, I am flying to {destination}.
    Please correct this, I have to land in {destination}.
    My plans are different now, fly me to {destination}.
    Not quite, the plane must go to {destination}.
    I made a mistake, the arrival is {destination}.

user request alternative
> system offer time price
    Is there a later plane?
    What other departures do you have?
    Find me a different flight then.
    Does another airline fly that day?
    Then I need some other connection.
    Can I be rerouted on another plane?

user thank
> system bye
    Thank you, I'm off to the airport soon.
    Thanks for the ticket.
    Thanks, that takes a load off before the flight.
    Very kind, thank you for the seat.
    Perfect, thanks, I love flying.
    Thank you for finding this plane.

system greet
> user inform destination, user inform origin destination
    Welcome aboard, where may we fly you?
    Flight sales, how may I help?
    Hello and thank you for calling the airline.
    Good day, are you planning to fly?
    This is the ticket counter, hello.
    Hello, which flight can I book you on?

system request origin
> user inform origin
    Where do you take off?
    From which airport are you leaving?
    Which country does your flight start in?
    What is your departure airport?
    Where will you board the plane?
    Where are you flying from?

system request date
> user inform date
    On what day would you like to fly?
    When do you want to depart?
    Which departure date shall I look for?
    When must you be in the air?
    What is the date of your flight?
    For which day do you need the plane ticket?

system request people
> user inform people
    How many passengers are travelling?
    How many seats on the plane do you need?
    For how many travellers is the ticket?
    How many of you are flying?
    What is the number of passengers?
    How many tickets shall I issue?

system offer time price
> user reject price, user request feature 2, user accept 2
    A plane leaves at {time}, the ticket is {price}.
    There is a departure at {time} with seats for {price}.
    I found a flight at {time}; the fare is {price}.
    You could take off at {time} for {price}.
    The airline has a connection at {time}, costing {price}.
    At {time} there are still seats, {price} each.

system inform feature
> user accept 3, user request alternative
    The fare includes {feature}.
    With this ticket you get {feature}.
    On this airline {feature} is part of every seat.
    You would fly with {feature}.
    Passengers on this flight have {feature}.
    {feature} comes free of charge with that fare.

system request payment
> user inform payment
    How would you like to pay the fare?
    Which means of payment for the ticket?
    How do we charge you for the flight?
    What should I bill the seats to?
    By what method do you settle the airfare?
    May I ask how you are paying the airline?

system confirm destination date
> user affirm 3, user change destination
    You are flying to {destination} on {date}, is that correct?
    So the plane to {destination}, departing {date}?
    I have a ticket here to {destination} for {date}, yes?
    Your itinerary: {destination}, leaving on {date}. Right?
    Let me check, you board on {date} and land in {destination}?
    Shall I issue the flight to {destination} on {date}?

system notify success code
> user thank
    Your ticket is issued, the booking code is {code}.
    The seats are yours; check in online with {code}.
    You are on the passenger list as {code}.
    The airline has confirmed the flight under {code}.
    Payment accepted, your boarding code is {code}.
    The flight is booked; give {code} at the gate.

system notify failure
> user request alternative
    I'm sorry, the last seat on that plane was just sold.
    The airline has rejected the booking, the flight is full.
    Unfortunately this departure got cancelled.
    That did not work, there are no tickets left.
    My system says the plane is overbooked.
    Sorry, this fare has just expired.

system bye
> end
    Have a good flight, goodbye.
    Enjoy the flight and fasten your seat belt, bye.
    Goodbye and happy landing.
    We wish you a smooth journey in the air.
    Thank you for flying with us, bye.
    See you on board.
"""
