"""Dialogs with a desk that helps with programming packages."""

from __future__ import annotations

from embedworks.corpora.worlds._dialogs.values import Pools

NAME = "helpdesk"


def values(pools: Pools) -> dict[str, tuple[str, ...]]:
    """What slots are filled with."""
    return {
        "name": pools.packages,
        "problem": (
            "crashes on import",
            "is unbearably slow",
            "prints a deprecation warning",
            "eats all the memory",
            "cannot find its settings file",
            "hangs at the end of the tests",
            "fails to compile",
            "garbles accented letters",
        ),
        "version": pools.versions,
        "date": pools.dates,
        "solution": (
            "clearing the cache",
            "a fresh virtual environment",
            "pinning the dependencies",
            "deleting the lock file",
            "setting the debug variable",
            "reinstalling the compiler",
        ),
        "contact": pools.contacts,
        "code": pools.codes,
        "duration": ("an hour", "two working days", "half a day", "a week", "three weeks"),
    }


SCRIPT = """
start
> user greet, user inform name problem 2, user inform problem 2

user greet
> system greet
    Hello, is that software support?
    Hi, can someone help me with a bug?
    Good morning, I am stuck with my code.
    Hey, are you the people who know about packages?
    Hello, I have a technical question.
    Hi support, I need a developer.

user inform problem
> system request name
    My program {problem}.
    Since the update it {problem}.
    Something here {problem}, and I don't know why.
    Help, the script {problem}.
    One of our libraries {problem}.
    The build {problem} and the deadline is near.

user inform name problem
> system request version 3, system request date
    The package {name} {problem}.
    On my machine {name} {problem}.
    I just installed {name} and it {problem}.
    Is it known that {name} {problem}?
    Our colleague says {name} {problem}.
    For some reason {name} {problem}, here is the traceback.

user inform name
> system request version
    It is {name} that misbehaves.
    The traceback ends in {name}.
    I installed {name}.
    The library is called {name}.
    We depend on {name} for this.
    The culprit seems to be {name}.

user inform version
> system offer version 2, system request date
    I am running {version}.
    The lock file says {version}.
    Pip shows {version} here.
    It's release {version}.
    We have {version} in production.
    According to the metadata it is {version}.

user inform date
> system offer solution 2, system offer version
    The bug showed up on {date}.
    It has been broken since {date}.
    Our tests were green until {date}.
    The first crash report came in on {date}.
    We updated the server on {date}, and then it started.
    The logs are clean before {date}.

user accept
> system request success
    Okay, I am trying that on my machine.
    Good idea, let me run it.
    Sure, I'll type that in now.
    Alright, the terminal is open, doing it.
    That's easy to try, one moment while it installs.
    Makes sense, I'm restarting the interpreter.

user reject
> system request contact
    I have tried that before, the bug is still there.
    We are not allowed to change the environment.
    That would break other programs of ours.
    No, that can't be the cause of this error.
    I'd rather not touch the installation.
    Our administrator forbids that kind of change.

user affirm
> system bye
    Yes, the error has gone.
    It compiles again, yes.
    Indeed, all tests are green.
    Yes, the program runs now.
    That fixed the bug.
    It works like a charm, no more traceback.

user deny
> system offer solution, system request contact 2
    No, I get the same traceback.
    Sadly the error is still there.
    Nope, the tests stay red.
    It did not change anything in the output.
    No luck, my script still misbehaves.
    Not at all, now there are two errors.

user inform contact
> system notify success code
    Developers can call me at {contact}.
    Ring {contact}, I sit at that terminal.
    Our team's number is {contact}.
    Send the patch news to {contact}.
    I answer at {contact} while the build runs.
    My extension in the server room is {contact}.

user request duration
> system inform duration
    How long does fixing a bug take?
    When will a developer look at it?
    How much time until there is a patch?
    How long do I have to live with this error?
    Will the ticket take long?
    What's the usual waiting time for a bug fix?

user thank
> system bye
    Thank you for looking into the bug.
    Thanks, I'll watch the ticket.
    Great support, thank you.
    Thanks, back to my editor then.
    I appreciate it, debugging alone is no fun.
    Thanks for taking my stack trace seriously.

system greet
> user inform name problem, user inform problem 2
    Software support, what is broken?
    Hello developer, how can I debug with you?
    Helpdesk here, which error do you see?
    Welcome to support, tell me about the bug.
    Hi, what does your traceback say?
    Good day, you are talking to the package helpdesk.

system request name
> user inform name
    Which package is it?
    What library raises the error?
    Which import is failing?
    What is the name of the software?
    Which of the dependencies do you suspect?
    Can you tell me the package at the bottom of the traceback?

system request version
> user inform version
    Which version have you installed?
    What release are you running?
    Could you look up the version number?
    What does pip say about the version?
    Is it the newest release, or which one?
    Which version is in your lock file?

system request date
> user inform date
    Since when do you see the error?
    On which day did it break?
    When did the last build succeed?
    When was it that the bug first appeared?
    What day did you update the environment?
    When did the tests turn red?

system offer version
> user accept 3, user reject
    Please upgrade to {version}.
    The bug is fixed in {version}, could you install that?
    Release {version} does not have this problem.
    Try {version}, it contains a patch.
    Downgrading to {version} should cure it.
    Developers recommend {version} for your platform.

system offer solution
> user accept 3, user reject
    Often {solution} helps with that error.
    Have you thought of {solution}?
    I suggest {solution} and running it again.
    The usual cure for this bug is {solution}.
    Could you try {solution}?
    Most developers solve it by {solution}.

system request success
> user affirm, user deny
    Does the error still show?
    Did that fix it?
    What does the terminal say now, is it gone?
    Are your tests green again?
    Has the bug disappeared?
    Does the program start this time?

system request contact
> user inform contact
    Under which number can a developer call you?
    How do our engineers get in touch with you?
    Please give me a phone number for the ticket.
    Where can we call when there is a patch?
    What's your extension, in case we need the logs?
    Whom should the maintainers ring about this bug?

system notify success code
> user request duration, user thank
    I have opened ticket {code} for the bug.
    The maintainers can see your report as {code}.
    Your error is now filed under {code}.
    It's in the issue tracker, number {code}.
    A developer gets assigned to {code} shortly.
    The stack trace is attached to ticket {code}.

system inform duration
> user thank
    Bug fixes usually take {duration}.
    Our developers need {duration} for such a patch.
    Tickets of this kind are open for {duration}.
    A patch normally takes {duration}.
    Count on {duration} before it is repaired.
    The queue is long, plan with {duration}.

system bye
> end
    Happy coding, goodbye.
    Goodbye, may your builds stay green.
    Support wishes you a day without errors.
    I'm closing the chat, good luck with the code.
    Bye, and keep your dependencies fresh.
    Come back whenever something crashes.
"""
