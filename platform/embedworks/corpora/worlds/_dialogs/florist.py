"""Dialogs with a florist (an unseen domain)."""

from __future__ import annotations

from embedworks.corpora.worlds._dialogs.values import PLANTS, Pools

NAME = "florist"


def values(pools: Pools) -> dict[str, tuple[str, ...]]:
    """What slots are filled with."""
    return {
        "kind": tuple(f"{name}s" for name in pools.emoji(PLANTS)),
        "quantity": ("seven", "nine", "eleven", "fifteen", "twenty", "fifty", "a hundred"),
        "date": pools.dates,
        "time": pools.times,
        "price": pools.prices(6, 95),
        "payment": ("banknotes", "coins", "cheque", "a flower voucher"),
        "contact": pools.contacts,
    }


SCRIPT = """
start
> user greet, user inform intent 2, user inform kind 2, user inform kind quantity 2

user greet
> system greet
    Hello, do I hear the florist?
    Is that the flower stall at the corner? Hello.
    Hello, it smells lovely in here.
    Good day to the gardeners.
    Are you the lady with the flowers? Good morning.
    Hello, may I disturb you among your vases?

user inform intent
> system request kind
    I've forgotten our wedding day and need flowers.
    It's for a funeral, something for the grave.
    My balcony looks bare and wants some green.
    Could you tie something pretty for my mother?
    I'd like to surprise somebody with a bunch.
    Flowers, quick, my date is in an hour.

user inform kind
> system request quantity 2, system notify failure
    Do you sell {kind}, freshly cut?
    My mother's favourite has always been {kind}.
    {kind} for the vase, please.
    I imagine {kind} on the wedding table.
    What I have in mind is {kind}, with a ribbon.
    The garden bed by the gate should get {kind}.

user inform kind quantity
> system request date
    Please wrap up {kind} for me, {quantity} stems.
    I'd take {quantity}, if you sell {kind}.
    {kind}, let's say {quantity}, tied into a bunch.
    For the vases at our party: {kind}, {quantity} of them.
    Could you put aside {kind}? My wife counted {quantity} vases.
    I wish to plant {kind}, there is earth for {quantity}.

user inform quantity
> system request date
    The bunch should have {quantity}.
    {quantity} stems would look generous.
    There's soil enough to plant {quantity}.
    One for each year of marriage, {quantity}.
    Tie {quantity} of them with a ribbon.
    My vase holds {quantity}.

user inform date
> system request time, system inform price 2
    They should bloom on {date}.
    The ceremony is on {date}.
    I fetch the bunch on {date}.
    Her mother's day is {date}.
    Cut them fresh on {date}.
    I have the vase ready on {date}.

user inform time
> system inform price
    Somebody is there to put them in water at {time}.
    Your gardener may knock at {time}.
    The bunch has to be on the altar by {time}.
    Let the flowers arrive at {time}, fresh from the dew.
    I get out of church at {time}.
    I drop by for the bunch at {time}.

user request alternative
> system offer kind
    Does anything else bloom these days?
    What would you tie instead?
    Which other blossoms have you got in the vases?
    Is there another plant that looks as pretty?
    Then which flowers would you put on the table?
    Hm, those wilt quickly. What else grows here?

user accept
> system request date
    Beautiful, wrap them.
    How pretty, we'll take those flowers.
    Yes, they'd look gorgeous in her vase.
    Those blossoms suit the occasion, fine.
    I like their scent, tie them together.
    She'll love them, please make a bunch of these.

user accept price
> system request contact, system request payment
    {price} for such blossoms, gladly.
    My mother is worth {price} to me.
    I've got {price} in my purse for flowers.
    {price}, agreed, with the ribbon.
    Flowers fade, but {price} is modest.
    For {price} I don't mind if they wilt.

user inform contact
> system confirm kind date
    She picks up at {contact}, but don't spoil the surprise.
    Your gardener can try {contact}.
    The bride's number is {contact}.
    {contact} is the landline next to the vase.
    Note {contact} on the ribbon card.
    I am the one with the watering can at {contact}.

user inform payment
> system confirm kind date
    I brought {payment}.
    My grandmother gave me {payment} for the grave flowers.
    Do florists take {payment}?
    You get {payment} for the bunch.
    {payment}, if that's good enough for a stall.
    I count it out in front of you, {payment}.

user affirm
> system notify success
    Yes, tie them for that morning.
    So it is, she will be delighted.
    You've got the bouquet right.
    Right, and hide them from my wife.
    Yes, those blossoms for that very day.
    True, just don't let them wilt.

user change date
> system confirm kind date
    They'd wilt by then, cut them on {date}.
    Oh dear, the wedding is on {date}, of course.
    Bloom day is {date}, I looked at the wrong page.
    No, no, mother's party is on {date}.
    Keep them in the greenhouse until {date}, please.
    You got the ceremony wrong, it's {date}.

user thank
> system bye
    Thank you, they smell wonderful.
    Thanks, that's the prettiest bunch of the year.
    You have a green thumb, thank you.
    Thank you, I'll water them daily.
    Bless you, the grave will look nice.
    Thanks, my balcony will be the envy of the street.

system greet
> user inform intent, user inform kind, user inform kind quantity
    Come in, smell the blossoms, what shall I tie for you?
    The florist's, hello, what's the occasion?
    Hello dear, flowers for somebody special?
    Good day, mind the watering can. What may I wrap?
    Greetings from the greenhouse.
    Hello, it's spring in our vases all year.

system request kind
> user inform kind 2, user inform kind quantity
    Which flowers does she like?
    What should bloom in the bouquet?
    What shall I cut for you in the greenhouse?
    Which plant have you set your heart on?
    What blossoms would match the occasion?
    Do you have a flower in mind?

system request quantity
> user inform quantity
    How many stems shall I cut?
    How full should the bunch be, how many?
    How many of them fit into your vase?
    For how many pots do you have soil?
    An odd number looks best, how many shall I tie?
    How many blossoms would you like wrapped?

system request date
> user inform date
    When do they have to bloom?
    When is the ceremony?
    For which day should I cut them?
    On what day do you fetch the bouquet?
    Which day is she having her party?
    When shall our gardener plant them?

system request time
> user inform time
    When in the day is somebody there to water them?
    At what hour must the altar be decorated?
    What time shall the gardener knock?
    Morning dew or evening light, what time do you come?
    By what time should I have tied the bunch?
    When does the church open for the bouquets?

system offer kind
> user request alternative, user accept 3
    Fresh from the greenhouse I have {kind}.
    Have a look at these, {kind} with a wonderful scent.
    Instead I would tie {kind}.
    This week everybody wants {kind} in the vase.
    {kind} would match your ribbon.
    My gardener grows {kind}, they last for weeks.

system inform price
> user accept price
    Tied and wrapped they come to {price}.
    With a ribbon the bouquet is {price}.
    I'd have {price} for the blossoms.
    That's {price} at the stall, greenery included.
    The flowers add up to {price}.
    For you, {price} with a bit of fern.

system request contact
> user inform contact
    Whom may the gardener ring if nobody is in the garden?
    Which telephone shall I scribble on the card?
    Could I have a number in case the blossoms come late?
    Is there a phone in the chapel?
    What is the lucky lady's number?
    What number do I call when the bouquet is tied?

system request payment
> user inform payment
    How will you pay for the bouquet?
    The till is old, what do you pay the flowers with?
    What will it be at the stall, cash or something else?
    How do you want to settle the blossoms?
    With what are you paying your florist?
    What may I put into the till for the bunch?

system confirm kind date
> user affirm 3, user change date
    A bouquet of {kind}, to be tied on {date}?
    I cut {kind} for you on {date}, is that right?
    My slate says {kind}, ceremony on {date}. Is it true?
    The gardener brings {kind} on {date}, yes?
    {kind} shall bloom for her on {date}, correct?
    So on {date} I have {kind} wrapped for you?

system notify success
> user thank
    The bouquet will be tied in time.
    I've written it on the slate in the greenhouse.
    My gardener already sharpens the scissors.
    She'll have her flowers, rely on it.
    They are put aside in a cool vase.
    It's arranged, the blossoms are as good as cut.

system notify failure
> user request alternative
    The frost got those, I'm sorry.
    Those are out of season.
    Alas, the last of them wilted this morning.
    The greenhouse has none in bloom.
    A wedding took all of them off my hands.
    I wouldn't sell you those, they hang their heads.

system bye
> end
    Give them fresh water, farewell from the florist.
    Cut the stems at an angle. Have a blooming day.
    Come again when they have wilted.
    Regards to your mother and take care of the roots.
    May they bloom for a long time.
    Watch out for the thorns, dear.
"""
