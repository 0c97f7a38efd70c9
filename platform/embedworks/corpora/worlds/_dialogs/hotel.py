"""Dialogs with a desk that books rooms in hotels."""

from __future__ import annotations

from embedworks.corpora.worlds._dialogs.values import ANIMALS, Pools

NAME = "hotel"


def values(pools: Pools) -> dict[str, tuple[str, ...]]:
    """What slots are filled with."""
    return {
        "place": pools.territories,
        "date": pools.dates,
        "people": pools.people,
        "duration": ("two nights", "three nights", "four nights", "five nights", "a week", "ten days"),
        "name": tuple(f"Hotel {name.title()}" for name in pools.emoji(ANIMALS)),
        "price": pools.prices(60, 280),
        "feature": (
            "a sea view",
            "a swimming pool",
            "free breakfast",
            "a sauna",
            "a balcony",
            "a rooftop terrace",
            "a crib for the baby",
        ),
        "code": pools.codes,
    }


SCRIPT = """
start
> user greet, user inform intent 2, user inform place date 2

user greet
> system greet
    Hello, is this the room reservation desk?
    Good evening, am I speaking with the hotel service?
    Hi there, do you handle hotel bookings?
    Hello, I hope I have reached the accommodation line.
    Good morning, this is about a place to stay.
    Hi, is somebody there who can book rooms?

user inform intent
> system request place
    I am looking for a room.
    We need somewhere to sleep during our holiday.
    I'd like to book accommodation.
    Could you find us a nice hotel?
    I want to reserve a double room.
    We are after a hotel for our trip.
    My wife and I are searching for a place to stay.

user inform place date
> system request people 2, system request duration
    I need a room in {place} from {date}.
    We arrive in {place} on {date} and have no hotel yet.
    Can you get me a bed in {place}, checking in on {date}?
    A hotel in {place}, please, starting {date}.
    I'm travelling to {place} on {date} and want to stay somewhere comfortable.
    Please look for rooms in {place}; our first night would be {date}.

user inform place
> system request date
    The hotel should be in {place}.
    We would like to stay in {place}.
    Our holiday takes us to {place}.
    Somewhere in {place}, ideally close to the beach.
    I want to spend the nights in {place}.
    Rooms in {place}, please.

user inform date
> system request people, system request duration
    We check in on {date}.
    Our arrival is on {date}.
    The first night would be {date}.
    I will be at the reception on {date}.
    From {date} onwards we need the room.
    We get there on {date}, rather late in the evening.

user inform people
> system request duration 2, system offer name price
    There are {people} of us in the room.
    It is for {people} guests.
    We need beds for {people}.
    {people} people will sleep there.
    Our family is {people}, counting the kids.
    We'd be {people} guests altogether.

user inform duration
> system request feature, system offer name price 2
    We stay {duration}.
    For {duration}, then we drive home.
    We want to keep the room for {duration}.
    Our stay is {duration} long.
    I guess {duration} will be enough rest.
    {duration}, checking out before noon.

user inform feature
> system offer name price
    It would be lovely to have {feature}.
    The room should come with {feature}.
    I insist on {feature} when I'm on holiday.
    My husband wants {feature}.
    We would pay extra for {feature}.
    With {feature}, if such a room exists.

user request feature
> system inform feature
    What does the hotel have to offer?
    Is there anything special about the room?
    Which comforts are included in the stay?
    What would we enjoy there besides the bed?
    Tell me about the facilities of the house.
    Does it come with any extras for guests?

user request alternative
> system offer name price
    Is there another hotel nearby?
    I don't like that house, show me a different one.
    Could we see one more place to stay?
    What other rooms do you have in the area?
    Hmm, any other accommodation you can suggest?
    I'd rather sleep elsewhere, what else is there?

user accept
> system confirm name date
    That hotel sounds perfect, we take the room.
    Wonderful, please reserve it for us.
    I like it, book that room.
    Fine, let's stay there.
    We will have that one, it sounds cosy.
    Good, put our name down for this hotel.

user affirm
> system notify success code
    Yes, those are the right nights.
    Exactly, reserve the room like that.
    That is our booking, correct.
    Yes, that's the stay we want.
    All right for us, go ahead with the reservation.
    Right, please block the room.

user change date
> system confirm name date
    No, we check in on {date} instead.
    Sorry, our first night has to be {date}.
    We can only get there on {date}, please move the arrival.
    Make the check-in {date}, our plans changed.
    That is wrong, we arrive at the hotel on {date}.
    Wait, the stay begins on {date}.

user thank
> system bye
    Thank you, we look forward to the holiday.
    Great, thanks for arranging our stay.
    Many thanks, you found us a lovely hotel.
    Thanks a lot, the family will be happy about the room.
    That was quick, thank you for the reservation.
    Perfect, thanks for the room.

user bye
> end
    Goodbye, we'll see you at the check-in.
    Bye, I have suitcases to pack now.
    Good night and goodbye from the travellers.
    That was it, see you at the reception.
    Bye bye, until our arrival.
    All booked, have a good day at the desk.

system greet
> user inform intent, user inform place date
    Welcome to the room desk, how can we host you?
    Good day, this is hotel reservations, what can I do for you?
    Hello, you have reached the accommodation service.
    Reservations, good afternoon, are you looking for a room?
    Hello traveller, where shall we put you up?
    Welcome, our hotels are waiting for you.

system request place
> user inform place
    Where would you like to stay?
    In which country should the hotel be?
    Which region are you going to sleep in?
    What is the location you want a room at?
    Tell me where your holiday takes you.
    Where shall I search for rooms?

system request date
> user inform date
    When do you check in?
    What day will you arrive at the hotel?
    Which is the first night you need?
    From which date shall I reserve the room?
    When should your stay begin?
    On what day can we expect you at the reception?

system request people
> user inform people
    How many guests will sleep in the room?
    For how many persons is the stay?
    How many beds do you need?
    How large is your party of guests?
    Who is coming along, how many will you be at the hotel?
    Could you tell me the number of guests?

system request duration
> user inform duration
    How many nights will you stay?
    How long do you want to keep the room?
    When are you checking out again, after how many nights?
    For how long shall I reserve?
    What is the length of your stay?
    And how long will you be our guest?

system request feature
> user inform feature
    Is there anything the room must have?
    Do you have special wishes for your stay?
    Which comforts matter to you in a hotel?
    Should I look for something in particular, such as a pool?
    What would make the room perfect for you?
    Any preferences about the hotel's facilities?

system offer name price
> user request feature 2, user request alternative, user accept 2
    I can offer you {name}, a night there costs {price}.
    How about {name}? Rooms start at {price}.
    There is a free room at {name} for {price} per night.
    {name} has space for you and charges {price}.
    Guests love {name}; it would be {price} a night with breakfast.
    My suggestion is {name}, where a double room is {price}.

system inform feature
> user accept 2, user request alternative
    Guests of this hotel enjoy {feature}.
    The room comes with {feature}.
    The house is known for {feature}.
    You would have {feature} there.
    It does offer {feature} to every guest.
    Included in the room rate is {feature}.

system confirm name date
> user affirm 3, user change date
    So a room at {name} from {date}, is that right?
    Let me repeat your stay: {name}, checking in on {date}.
    I am about to reserve {name}, arrival {date}. Correct?
    Your nights at {name} begin on {date}, do you agree?
    You chose {name} and arrive on {date}, yes?
    To be sure about the room: {name}, first night {date}?

system notify success code
> user thank, user bye
    The room is yours, the reservation number is {code}.
    I have booked your stay under {code}.
    Your hotel is reserved; show {code} at the reception.
    Done, your beds are waiting. Keep {code} for the check-in.
    All set for your nights, the confirmation reads {code}.
    Your booking went through, the hotel knows you as {code}.

system bye
> end
    Have a pleasant stay, goodbye.
    Sleep well and enjoy the holiday, bye.
    Goodbye, the hotel is looking forward to you.
    It was a pleasure, have a restful time there.
    Enjoy your room, until next time.
    Safe travels to the hotel, goodbye.
"""
