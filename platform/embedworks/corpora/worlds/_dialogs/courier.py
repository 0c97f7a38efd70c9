"""Dialogs with a courier who carries things abroad (an unseen domain)."""

from __future__ import annotations

from embedworks.corpora.worlds._dialogs.values import FREIGHT, Pools

NAME = "courier"


def values(pools: Pools) -> dict[str, tuple[str, ...]]:
    """What slots are filled with."""
    return {
        "origin": pools.territories,
        "destination": pools.territories,
        "kind": pools.emoji(FREIGHT),
        "size": ("pocket-sized", "knee-high", "bulky", "as large as a wardrobe"),
        "date": pools.dates,
        "time": pools.times,
        "duration": (
            "overnight",
            "two working days",
            "three to five days",
            "about a week",
            "a month by sea",
        ),
        "price": pools.prices(8, 320),
        "feature": ("a tracking link", "cover against loss", "padded wrapping", "a signature on arrival"),
        "payment": ("invoice", "stamps", "a monthly account", "mobile payment"),
        "contact": pools.contacts,
        "code": pools.codes,
    }


SCRIPT = """
start
> user inform intent 2, user inform destination, user inform origin destination 2

user inform intent
> system request destination
    Something of mine has to be shipped abroad.
    I'm hoping you can transport a consignment.
    I have freight that must leave the country.
    Would you carry goods over the border?
    There's cargo in my hallway awaiting transport.
    I intend to dispatch something overseas.

user inform destination
> system request origin
    The consignee lives in {destination}.
    My freight is bound for {destination}.
    It has to be carried to an address in {destination}.
    Ship this cargo to {destination}.
    The recipient is waiting in {destination}.
    I'm dispatching goods to {destination}.

user inform origin destination
> system request kind
    I'm shipping freight out of {origin}, addressed to {destination}.
    Cargo from {origin} has to be transported to {destination}.
    How do I dispatch goods in {origin} so that they get to {destination}?
    The sender is in {origin}, the consignee in {destination}.
    Carry something for me, {origin} to {destination}.
    Do your vans go from {origin} to {destination}? I have a consignment.

user inform origin
> system request kind
    The sender's address is in {origin}.
    You'd load the cargo in {origin}.
    It gets dispatched in {origin}.
    My warehouse is in {origin}.
    The consignment is stored in {origin}.
    Your van would have to stop in {origin}.

user inform kind
> system request size, system request date
    The consignment is a {kind}.
    I'm shipping a {kind}, well wrapped.
    It's a {kind} that has to be transported.
    You'd be carrying a {kind}.
    Inside the crate there is a {kind}.
    My freight consists of a {kind}.

user inform kind size
> system request date
    It's a {kind} and, be warned, {size}.
    I dispatch a {kind}; the crate is {size}.
    The cargo is a {kind}, {size} once wrapped.
    A {kind} needs transport. The wrapping makes it {size}.
    You'd load a {kind} which is {size}.
    The goods are {size}, since it's a {kind}.

user inform size
> system request date
    The crate is {size}.
    I measured the consignment, it's {size}.
    Wrapped up, the freight is {size}.
    Your van needs room, my cargo is {size}.
    I would call these goods {size}.
    It turned out {size} with all the padding.

user inform date
> system offer time price
    Your van may load it on {date}.
    The crate is nailed shut by {date}, dispatch it then.
    Let it leave the warehouse on {date}.
    I hand over the freight on {date}.
    Transport has to start on {date}.
    Somebody can help you carry it out on {date}.

user request duration
> system inform duration
    How long is the cargo in transit?
    How many days does the transport need?
    What is the shipping time to the consignee?
    When is a consignment there, after how many days?
    How fast are your vans and ships?
    How long does freight take over that distance?

user request feature
> system inform feature
    What protection does the shipment have?
    Which services belong to the transport?
    Is the freight insured or watched in any way?
    What do senders get apart from the carriage?
    How do you look after fragile goods?
    Is anything else part of the shipping contract?

user reject price
> system offer time price
    {price} exceeds what the goods are worth.
    I could carry it there on foot for {price}.
    {price} for shipping is out of the question.
    Other carriers stay below {price}.
    A sender like me can't spend {price} on freight.
    Do you transport gold? {price} is outrageous.

user accept
> system request payment, system request contact
    Good, you may carry it.
    I entrust the consignment to you.
    Load it onto your van then.
    You have a deal, ship my goods.
    That carriage is reasonable, I'll send it with you.
    Very well, stick the label on the crate.

user inform payment
> system confirm destination date
    The sender pays with {payment}.
    Carriage is settled by {payment} at my firm.
    I hand your driver {payment}.
    For freight I always use {payment}.
    Postage? I've got {payment} for it.
    The shipping costs can be covered with {payment}.

user inform contact
> system confirm destination date
    The consignee answers the phone at {contact}.
    Have the driver dial {contact} in front of the gate.
    {contact} goes on the shipping label.
    The sender's telephone is {contact}.
    If customs have queries, try {contact}.
    My warehouse can be rung at {contact}.

user affirm
> system notify success code
    Yes, that's what the label must say.
    The address and the day are right, carry on.
    Precisely, dispatch it like this.
    Those shipping details are correct.
    Yes, let the van roll.
    It's as you read it, seal the crate.

user change date
> system confirm destination date
    The crate isn't nailed yet, load it on {date}.
    No, your van has to come on {date}.
    Dispatch it on {date} instead, the gate is shut before.
    Shipping must be put off to {date}.
    Customs papers are late, so transport it on {date}.
    Strike that day from the label and write {date}.

user thank
> system bye
    Thanks, I'm relieved to have the crate gone.
    Much obliged, the consignee will be glad.
    Thank you for carrying that heavy thing.
    My thanks to the drivers.
    That's a reliable carrier, thanks.
    I thank you on behalf of the recipient.

system request destination
> user inform destination
    Who is the consignee and in what country?
    To which address abroad is the cargo going?
    Where does the transport end?
    Which border do we have to cross with it?
    Where shall our van unload the goods?
    What should the label name as the recipient's country?

system request origin
> user inform origin
    Where do we load the consignment?
    In which country is the sender?
    Where is the warehouse our van should stop at?
    Where does the cargo set out?
    At what place do you hand us the freight?
    What is the sender's address?

system request kind
> user inform kind 2, user inform kind size
    What are the goods to be transported?
    What is in the crate?
    What should the customs papers list?
    What does the consignment consist of?
    What sort of cargo would we be carrying?
    Please describe the contents of the shipment.

system request size
> user inform size
    How bulky is the consignment?
    What are the measures of the crate?
    Will it fit into a van, how large is the freight?
    How much space does the cargo take up?
    Can one man carry it, or how big are the goods?
    Tell me the dimensions after wrapping.

system request date
> user inform date
    When may our van load the goods?
    On which day does the transport begin?
    When is the crate ready for dispatch?
    What day do you hand the freight over?
    When shall we come to the warehouse?
    Which dispatch day goes on the label?

system offer time price
> user request duration 2, user request feature, user reject price, user accept
    Our van stops by at {time}, carriage is {price}.
    We ship it for {price} if the crate is at the gate by {time}.
    The carriage amounts to {price}, loading at {time}.
    A driver could load it at {time}. You'd be charged {price}.
    For {price} we transport it, and our men ring at {time}.
    Freight leaves at {time} sharp and {price} covers the distance.

system inform duration
> user request feature, user accept 2
    In transit it is {duration}.
    Shipping on this route means {duration}.
    From gate to gate we need {duration}.
    The consignee waits {duration}.
    Freight of that sort takes {duration}.
    Our ships and vans manage it in this time: {duration}.

system inform feature
> user accept
    Every consignment travels with {feature}.
    Our carriage comprises {feature}.
    For fragile goods there is {feature}.
    Senders receive {feature} from us.
    The shipping contract stipulates {feature}.
    We add {feature} to each crate.

system request payment
> user inform payment
    How is the carriage going to be settled?
    What will the sender use to pay for shipping?
    In what manner do you cover the postage?
    How do you intend to pay our driver?
    Which way of paying freight do you favour?
    What covers the shipping costs?

system request contact
> user inform contact
    Whose telephone goes on the label?
    Which number should the driver dial at the gate?
    How can customs get hold of you?
    Is there a phone at the consignee's?
    What number do we ring when the crate lands?
    I lack the sender's phone number for the papers.

system confirm destination date
> user affirm 3, user change date
    The label reads {destination}, dispatch on {date}. Correct?
    We load on {date} and carry it to {destination}, agreed?
    Consignee in {destination}, van on {date}: is all of that right?
    On {date} your freight sets out for {destination}, true?
    Let me verify the shipment, {destination}, starting {date}?
    Do I have it right that the crate leaves for {destination} on {date}?

system notify success code
> user thank
    The shipment is registered as {code}.
    Please write {code} on the crate, our van is on its way.
    Your consignment can be tracked with {code}.
    Dispatch is arranged, waybill {code}.
    Customs know the freight as {code}.
    {code} is the waybill, the transport is settled.

system bye
> end
    Your goods are in safe hands, farewell.
    The carriers say farewell.
    Until the next consignment.
    Our drivers will be careful, so long.
    So long, and mind the nails in that crate.
    Farewell to the sender and greetings to the consignee.
"""
