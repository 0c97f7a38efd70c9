"""Dialogs with an operator who runs packages on servers (an unseen domain)."""

from __future__ import annotations

from embedworks.corpora.worlds._dialogs.values import Pools

NAME = "hosting"


def values(pools: Pools) -> dict[str, tuple[str, ...]]:
    """What slots are filled with."""
    return {
        "name": pools.packages,
        "version": pools.versions,
        "place": pools.territories,
        "date": pools.dates,
        "size": ("four cores", "sixteen cores", "64 gigabytes", "half a rack", "a single core"),
        "price": pools.prices(3, 480),
        "duration": ("ten minutes", "a few seconds", "one night", "a quarter of an hour", "the weekend"),
        "problem": (
            "refuses connections",
            "runs out of disk",
            "restarts every minute",
            "answers with a timeout",
            "ignores its certificate",
        ),
        "solution": (
            "another replica",
            "rotating the logs",
            "a bigger volume",
            "draining the node",
            "raising the connection limit",
        ),
        "contact": pools.contacts,
        "code": pools.codes,
    }


SCRIPT = """
start
> user greet, user inform intent 2, user inform name version 2, user inform problem 3

user greet
> system greet
    Hello operations, is anyone on call?
    Hello, I'm calling the data centre.
    Is that the cloud team? Hello.
    Hello from the platform group.
    Knock knock, are the operators awake?
    Hello, I've got a question for whoever runs the cluster.

user inform intent
> system request name
    I want to put a service online.
    A new workload has to go onto the cluster.
    Can you deploy something for my team?
    We'd like to move out of our basement into the cloud.
    I'm planning a deployment.
    Please host an application for us.

user inform name
> system request version
    The workload is {name}.
    It's {name} we intend to deploy.
    Spin up {name} for us.
    The container runs {name}.
    My team wants {name} hosted.
    The image is built around {name}.

user inform name version
> system request place
    Deploy {name} at {version}, please.
    Could the cluster run {name} {version} for us?
    We'd host {name}, tagged {version}.
    The image holds {name} in {version}.
    Roll out {name}, and the tag is {version}.
    Bring {name} {version} online for my team.

user inform version
> system request place
    The image is tagged {version}.
    Roll out {version}.
    Use the {version} tag from the registry.
    {version} passed staging, deploy that.
    Our container was built with {version}.
    We froze the workload at {version}.

user inform place
> system offer size price
    Our users sit in {place}, so host it there.
    Keep the data in {place}, legal says.
    The nearest region would be {place}.
    Put the replicas into {place}.
    Latency matters, we want the racks in {place}.
    Deploy to the data centre in {place}.

user inform problem
> system request date
    The node you host for us {problem}.
    Our deployment {problem}, pagers are going off.
    Production {problem}!
    The cluster {problem} again, what are you operators doing?
    Customers complain that the endpoint {problem}.
    Since the rollout one replica {problem}.

user inform date
> system offer solution
    Alerts started firing on {date}.
    The dashboards look bad from {date} on.
    It was on {date} that the uptime graph dropped.
    The outage began on {date}.
    Our pager first rang on {date}.
    Metrics were flat up to {date}.

user reject price
> system offer size price
    {price} a month? Our cloud budget is tiny.
    For {price} I can buy my own rack.
    Finance won't sign {price} for hosting.
    Other clouds don't bill {price}.
    {price} is beyond the quota of my team.
    We can't burn {price} on one node.

user accept
> system request contact 2, system confirm name place
    Provision it.
    That capacity will do, start the rollout.
    Okay, the budget allows that, deploy.
    Fine, allocate the machines.
    Green light from our team.
    Good sizing, reserve it on the cluster.

user accept solution
> system request success
    Okay, {solution} is approved, go on.
    If you think {solution} calms the pager, do it.
    {solution} sounds safe for production, proceed.
    My team has no objection to {solution}.
    Then {solution} it is, quickly please.
    Operators know best, so {solution}.

user inform contact
> system confirm name place
    Page {contact} when a node dies.
    Our on-call phone is {contact}.
    {contact} wakes up the platform team.
    Alerts may go to {contact}.
    The duty engineer carries {contact}.
    Escalate to {contact} at night.

user affirm
> system notify success code
    Yes, roll it out.
    That's our workload and our region.
    Affirmative, provision that.
    Yes, the manifest is correct.
    Right, let the scheduler place it.
    Confirmed from our side.

user change place
> system confirm name place
    No, the region has to be {place}.
    Legal objects, move the data to {place}.
    We'd rather have our racks in {place}.
    Not that data centre, choose {place}.
    Latency tests favour {place}, change the region.
    The replicas belong in {place} instead.

user deny
> system offer solution
    No, the pager keeps ringing.
    The graphs are as bad as before.
    Uptime is still zero.
    Not yet, users report the same outage.
    Nothing has recovered on the dashboard.
    Negative, the alert is still firing.

user affirm success
> system bye
    Yes, the dashboards have recovered.
    The pager is silent, yes.
    Uptime is back to normal.
    Affirmative, the endpoint answers.
    Users can log in again, it seems.
    The alert has cleared.

user request duration
> system inform duration
    How long does the rollout run?
    When is the endpoint online, in what time?
    How long do operators need for provisioning?
    How much downtime do we have to plan?
    For how long will the scheduler be busy?
    What's the time to first response on the cluster?

user bye
> end
    Over and out.
    The platform team signs off.
    I return to my dashboards, ciao.
    Logging off now.
    May your pagers stay silent, ciao.
    We'll watch the rollout, ciao.

system greet
> user inform intent, user inform name version, user inform problem
    Operations on call, what's the incident?
    Cloud team, hello, deploy or repair?
    Data centre, night shift speaking.
    You've reached the operators of the cluster.
    Hello platform user, what shall we run for you?
    The on-call engineer listens.

system request name
> user inform name 2, user inform name version
    What workload shall we host?
    Which image do we deploy?
    What runs inside the container?
    What is the service called?
    What would your team like to have on the cluster?
    Which application goes online?

system request version
> user inform version
    What tag does the image have?
    Which tag shall the scheduler pull?
    At which tag did you freeze the workload?
    What has passed staging, which tag?
    Which build of the container goes to production?
    Do you want latest or a fixed tag?

system request place
> user inform place
    Which region do you want the racks in?
    In what data centre shall it run?
    Where are your users, for the latency?
    Where does legal allow the data to be kept?
    Which of our regions should host the replicas?
    Where shall the scheduler place it?

system request date
> user inform date
    When did the alert first fire?
    Since what day is the outage?
    Which day does the dashboard drop?
    When did your pager ring?
    From which day on are the metrics bad?
    When was that rollout?

system offer size price
> user reject price, user request duration 2, user accept 2
    A node with {size} is {price} a month.
    We can allocate {size}, which bills at {price}.
    {size} of capacity would be {price}.
    The cluster has {size} to spare for {price} monthly.
    I'd provision {size}; your quota is charged {price}.
    Our sizing for that workload: {size}, {price} per month.

system offer solution
> user accept solution
    On call we would start with {solution}.
    The runbook says {solution}.
    I could calm the cluster with {solution}.
    Shall I go for {solution}? Production stays up.
    From the metrics I'd say {solution} is due.
    Last time {solution} ended such an outage.

system request success
> user affirm success 2, user deny
    Has the alert cleared on your dashboard?
    I've applied it, do users get through now?
    Is your pager silent?
    Please look at the graphs, are they recovering?
    Does the endpoint answer on your side?
    Can you see the uptime coming back?

system inform duration
> user accept
    The rollout runs for {duration}.
    Provisioning needs {duration}.
    Our scheduler is busy for {duration}.
    Plan {duration} of downtime.
    It takes {duration} until the endpoint responds.
    The operators want {duration} for it.

system request contact
> user inform contact
    Who is on call in your team, which number?
    Whom do we page at night?
    What number should alerts go to?
    Which phone does your duty engineer carry?
    If a node dies, where do the operators ring?
    Where shall I escalate an incident to?

system confirm name place
> user affirm 3, user change place
    The manifest says {name}, region {place}. Roll out?
    We host {name} in {place}, agreed?
    {name} goes onto racks in {place}, is it correct?
    Replicas of {name} in the data centre in {place}, yes?
    So the workload is {name} and it lives in {place}?
    Before I deploy: {name}, users in {place}?

system notify success code
> user bye
    The deployment is live, its handle is {code}.
    Rolled out, find the dashboard under {code}.
    {code} is the name of your node.
    The scheduler has placed it as {code}.
    Your endpoint responds, the tenant id is {code}.
    Provisioned; quote {code} to whoever is on call.

system bye
> end
    Operations out.
    Closing the incident, ciao.
    The night shift says ciao.
    I'm writing the post-mortem, ciao.
    Then the operators go back to their coffee.
    Incident resolved, stay online.
"""
