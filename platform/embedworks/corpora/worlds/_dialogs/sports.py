"""Dialogs with the office of a sports club."""

from __future__ import annotations

from embedworks.corpora.worlds._dialogs.values import SPORTS, Pools

NAME = "sports"


def values(pools: Pools) -> dict[str, tuple[str, ...]]:
    """What slots are filled with."""
    return {
        "kind": pools.emoji(SPORTS),
        "date": pools.dates,
        "time": pools.times,
        "people": pools.people,
        "price": pools.prices(5, 60),
        "duration": ("45 minutes", "one hour", "90 minutes", "two hours", "three hours"),
        "contact": pools.contacts,
        "code": pools.codes,
    }


SCRIPT = """
start
> user inform intent 2, user inform kind 2, user inform kind date 2

user inform intent
> system request kind
    I want to get fit.
    The doctor told me to exercise more.
    I'd like to join a training session.
    We want to try some sport.
    Do you have courses for beginners?
    I need to move my body again.

user inform kind
> system request date
    I would like to play {kind}.
    Do you teach {kind} at the club?
    I want to get better at {kind}.
    My sport is {kind}.
    Is {kind} something one can learn with you?
    I used to be good at {kind} and want to play again.

user inform kind date
> system offer time 2, system request people
    Can I play {kind} on {date}?
    Is there a {kind} session on {date}?
    Let me practise {kind} on {date}.
    Sign me up for {kind} on {date}.
    Do you practise {kind} on {date}? I'd join.
    I'd love to do some {kind} on {date}.

user inform date
> system offer time, system request people
    I could train on {date}.
    My muscles will be rested by {date}.
    I'd come to the gym on {date}.
    A workout on {date} would be good.
    On {date} I feel like sweating.
    We can practise on {date}.

user inform people
> system offer time
    We are a team of {people}.
    {people} players would come along.
    Count {people} beginners.
    {people} of us want to sweat.
    I bring my team mates, we're {people} athletes.
    There will be {people} pairs of sports shoes, so {people}.

user request duration
> system inform duration
    How long does the training last?
    For how long do we exercise?
    When is the session over, how long is it?
    How much time do we spend on the court?
    How long will I be sweating?
    What is the length of a lesson at the club?

user request price
> system inform price
    What does a session cost?
    Is there a fee for trying the sport?
    How much is it for non-members?
    What do you charge for training?
    How much do I pay the coach?
    How expensive is the club?

user request people
> system inform people
    How many others are in the group?
    How large is the team?
    Is it crowded on the court?
    With how many people would I train?
    How many athletes does the coach look after?
    How many players take part?

user accept
> system request contact 2, system confirm kind date
    I'm in, count me among the players.
    Good, I will take part in the training.
    Sounds sporty, sign me up.
    Yes, I'll lace my shoes and come.
    That session suits me.
    Let's do it, I'm motivated.

user reject time
> system offer time
    {time} is no good, I work out before breakfast.
    At {time} my muscles are tired.
    I can't train at {time}.
    {time} is when my son has practice.
    No sport for me at {time}.
    I'm not an athlete who sweats at {time}.

user inform contact
> system confirm kind date
    The coach may ring {contact}.
    My number for the member list is {contact}.
    If training is cancelled, call {contact}.
    Add {contact} to the team's chat.
    {contact}, my phone is in the locker though.
    You can reach this athlete at {contact}.

user affirm
> system notify success code
    Yes, that's the training I want.
    Correct, I'll warm up before.
    Yes, put me on the team sheet.
    Right, that is my sport and my day.
    Sure, the coach can count on me.
    Exactly, I am ready to play.

user change date
> system confirm kind date
    No, I can only train on {date}.
    Please shift my session to {date}.
    I have a sore knee, rather {date}.
    The match is on {date}, so let me practise then.
    Not that day, I'd exercise on {date}.
    Could I join the group on {date} instead?

user bye
> end
    See you on the court.
    Bye, I will go and find my trainers.
    Time to stretch now, goodbye.
    Until the session, and don't let the coach be too hard on me.
    I'm off for a jog, bye.
    See you in the changing room.

system request kind
> user inform kind 2, user inform kind date
    Which sport would you like to do?
    What do you want to play?
    Which discipline interests you?
    What kind of exercise do you enjoy?
    Which of our courses would you join?
    What game should the coach teach you?

system request date
> user inform date
    Which day would you like to train?
    When are you free for a workout?
    On what day should we expect you on the court?
    When do you want to play?
    Which training day suits you?
    When is your body ready for sport?

system request people
> user inform people
    How many players are you?
    Are you coming alone or as a team, how many?
    How many want to train?
    How many athletes shall I put on the list?
    How big is your team?
    For how many do we have to fetch equipment?

system offer time
> user request duration, user request price, user request people, user reject time, user accept
    Training starts at {time}, would that be good?
    The coach has a free court at {time}.
    You could join the group at {time}.
    There's a session at {time} you might like.
    At {time} the gym is yours.
    How about working out at {time}?

system inform duration
> user accept 3, user request price
    The session lasts {duration}.
    You exercise for {duration}.
    It's {duration} including the warm-up.
    The coach keeps you moving for {duration}.
    We have the court for {duration}.
    {duration}, and then a shower.

system inform price
> user accept
    A session is {price}.
    Guests of the club pay {price}.
    The coach gets {price} each time.
    Training costs {price}, rackets and balls included.
    The fee for non-members is {price}.
    It's {price} for a trial session.

system inform people
> user accept 3, user request price
    There are {people} players in the group.
    You would train with {people} others.
    The team has {people} members so far.
    {people} athletes have signed up.
    Our coach teaches {people} at once.
    On the court you will be {people}.

system request contact
> user inform contact
    What's your number for the member list?
    How can the coach reach you?
    Where do I call if the gym is closed?
    Please give the club a phone number.
    Which number belongs on the team sheet?
    May the trainer have your phone number?

system confirm kind date
> user affirm 3, user change date
    You want to play {kind} on {date}, right?
    So I put you down for {kind} on {date}?
    The team sheet says {kind}, {date}. Is it correct?
    Your training is {kind} and takes place on {date}, yes?
    The coach of the {kind} group expects you on {date}, okay?
    {kind} on {date}, is that your session?

system notify success code
> user bye
    You are on the team, your guest pass is {code}.
    The coach has you on the list, open the gym with {code}.
    Welcome to the club, your member number is {code}.
    You're signed up; the locker opens with {code}.
    Training is booked, the pass for the turnstile is {code}.
    Your place in the session is number {code}.
"""
