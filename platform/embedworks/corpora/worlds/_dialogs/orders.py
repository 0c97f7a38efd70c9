"""Dialogs with the customer service of a shop that delivers."""

from __future__ import annotations

from embedworks.corpora.worlds._dialogs.values import GOODS, Pools

NAME = "orders"


def values(pools: Pools) -> dict[str, tuple[str, ...]]:
    """What slots are filled with."""
    return {
        "kind": pools.emoji(GOODS),
        "problem": (
            "has a crack",
            "came in the wrong colour",
            "never arrived",
            "smells of petrol",
            "lacks a screw",
            "is broken in two",
            "does not switch on",
            "is far too small",
        ),
        "quantity": ("two", "three", "four", "five", "six", "ten", "a dozen"),
        "size": ("small", "medium", "large", "extra large"),
        "code": pools.codes,
        "date": pools.dates,
        "price": pools.prices(5, 150),
        "payment": ("store credit", "bank transfer", "credit card", "a gift card"),
        "contact": pools.contacts,
    }


SCRIPT = """
start
> user greet, user inform problem 2, user inform kind problem 2, user inform kind quantity

user greet
> system greet
    Hello, is this customer service?
    Hi, I have bought something at your shop.
    Good day, I am calling about my parcel.
    Hello, are you responsible for complaints?
    Hi, may I talk to the sales department?
    Good afternoon, it's about an order.

user inform problem
> system request kind
    What you sent me {problem}.
    My purchase {problem}.
    I unpacked the box and the thing {problem}.
    I'm annoyed, because my delivery {problem}.
    The article from your catalogue {problem}.
    To be blunt, your merchandise {problem}.

user inform kind problem
> system request code
    The {kind} I ordered {problem}.
    My new {kind} {problem}.
    I bought a {kind} from you and it {problem}.
    You shipped me a {kind} that {problem}.
    There is a {kind} in the box, and it {problem}.
    I want to complain: the {kind} {problem}.

user inform kind quantity
> system request size 2, system offer price
    I want to order a {kind}, in fact {quantity} of them.
    Please send me a {kind}, {quantity} pieces.
    A {kind} from your catalogue, {quantity} times.
    Put a {kind} into my basket, and make it {quantity}.
    How do I buy a {kind}? I need {quantity}.
    I'm ordering {quantity}, of the article called {kind}.

user inform kind
> system request code
    It was a {kind}.
    I had ordered a {kind}.
    The invoice says {kind}.
    The thing in the box is a {kind}.
    I bought the {kind} on page nine.
    We are talking about a {kind}.

user inform size
> system offer price
    I need it in {size}.
    {size} fits me best, according to your chart.
    The {size} article, please.
    Please pack size {size}.
    My order is for {size}.
    Take {size} off the shelf.

user inform code
> system offer date 2, system offer price
    My order number is {code}.
    The invoice has {code} printed on it.
    On the parcel it says {code}.
    You find my purchase under {code}.
    The delivery note reads {code}.
    {code}, it is at the top of the receipt.

user accept date
> system request contact
    {date} is fine, I will be at home for the parcel.
    Good, the driver may come on {date}.
    Send the article so that I have it on {date}.
    Delivery on {date} suits me as a customer.
    All right, I'll open the door to the postman on {date}.
    If the box really comes on {date}, I am satisfied.

user accept
> system request payment
    Good, I agree to that.
    All right, do it like that with my order.
    That is fair of your shop.
    Okay, I can live with this offer.
    Then let us settle the purchase that way.
    Agreed, that makes up for the trouble.

user reject
> system offer price
    That doesn't help me as a customer.
    No, your competitor treats buyers better.
    I'm not content with this offer.
    That's not what I expect from a shop.
    I can't accept that for my order.
    No way, think of something better for your customer.

user inform payment
> system notify success 2, system notify success code
    I shop with {payment}.
    Let's do the purchase through {payment}.
    {payment}, as with my last order.
    Book the amount with {payment}.
    Customers like me use {payment}.
    I would like the money to go by {payment}.

user inform contact
> system notify success
    The courier can call {contact}.
    As a customer I'm listed with {contact}.
    My number on the order form is {contact}.
    If nobody opens the door, ring {contact}.
    {contact} is the phone of the buyer.
    Please text {contact} when the parcel leaves.

user request date
> system inform date
    When does the parcel get here?
    On which day will it be delivered?
    What is the delivery date?
    When is the postman going to bring it?
    How soon do you ship my order?
    When can I expect the box?

user thank
> system bye
    Thanks for sorting out my order.
    Thank you, good customer service.
    Thanks, I will buy from you again.
    Fine, thank you for handling the complaint.
    Thank you, I await the parcel.
    Thanks a million, you saved the present.

system greet
> user inform problem, user inform kind problem, user inform kind quantity
    Customer service, how may I help with your order?
    Welcome to the shop, what can I do for our customer?
    Hello, complaints and orders, go ahead.
    Thank you for calling the store.
    Good day, is it about a purchase?
    Hi, this is the order hotline.

system request kind
> user inform kind
    Which article are we talking about?
    What did you buy?
    Which product is it, please?
    What was in the box?
    Which item of your order do you mean?
    What is the name of the article in our catalogue?

system request size
> user inform size
    In which size do you want the article?
    Small, medium or large, what shall I pack?
    What size is your order?
    Which size from our chart do you take?
    Do you know the size you would buy?
    What size should go into the box?

system request code
> user inform code
    Could you read me the order number?
    What is the number on the invoice?
    Which number is printed on the parcel?
    Do you have the receipt with its number?
    What number does your order have?
    Please look for the number on the delivery note.

system offer date
> user accept date 3, user reject
    We could send a replacement, delivered on {date}.
    A new one would reach you on {date}.
    The warehouse can ship another, with arrival on {date}.
    How about a fresh parcel on {date}?
    Our driver can exchange it at your door on {date}.
    I can have it replaced by {date}.

system offer price
> user accept 3, user reject
    The shop would settle it at {price}.
    Our offer to you as a customer is {price}.
    I can write {price} on the invoice, would you agree?
    We would go with {price} for this order.
    Let us make it {price}, shipping included.
    {price}, that is the best our store can do.

system request payment
> user inform payment
    How shall we book the amount?
    Which kind of payment should the invoice show?
    By which means do you settle purchases?
    In what form would you like the money handled?
    How does the shop charge or refund you?
    What is the payment for this order?

system request contact
> user inform contact
    Which number can the driver call?
    How does the warehouse contact you?
    A phone number for the parcel, please?
    May I write your number on the delivery note?
    Where can the courier reach the customer?
    What is the telephone number on your order form?

system notify success
> user request date, user thank
    Your order is updated in our system.
    The warehouse has received the instruction.
    I've taken care of the order.
    It's done, the shop sends you an e-mail.
    The purchase has been processed.
    Everything is arranged, our packers are at work.

system notify success code
> user request date, user thank
    Your new order number is {code}.
    I have stored everything with the receipt {code}.
    The system issued invoice {code} for that.
    The parcel carries the number {code}.
    Follow the shipment with {code} on our site.
    The warehouse processes it as {code}.

system inform date
> user thank
    The parcel will be with you on {date}.
    You can expect the box on {date}.
    Delivery is planned for {date}.
    The postman rings on {date}.
    We ship tonight, it gets to you on {date}.
    It will be on your doorstep on {date}.

system bye
> end
    Goodbye and happy shopping.
    Thank you for being our customer, bye.
    We apologise again for the article, goodbye.
    Visit our shop again, bye.
    Enjoy your purchase, have a good day.
    The store team says goodbye.
"""
