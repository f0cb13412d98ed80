"""Two weak points of MLflow's own login, mended from outside. Nothing here lets a request in: MLflow still checks each login."""

import asyncio
import base64
import hashlib
import itertools
import secrets
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from json_answer import answer
from required import required

# Different logins that may wait for their check; above it those with the most wrong tries behind them are sent away.
MOST_WAITING = 256
# So many names are looked up between two checks.
MOST_NAMES = 16
# Who waits longer is told to try again, which MLflow's client does by itself. nginx of a serving waits for 30 s.
MOST_SECONDS_WAITING = 20
# Less than auth_cache_ttl_seconds: so long MLflow itself knows a right password without the slow hash.
REMEMBERED_SECONDS = 50
# So long a login that was right is checked before all others.
PREFERRED_SECONDS = 24 * 3600
# Wrong passwords of an address and of a user name: as many at once, and then one for each second.
MOST_WRONG = 10
WRONG_PER_SECOND = 1
# Logins and keys that are kept in memory; the oldest go first.
MOST_KEPT = 10_000

OWN_HEADER = b"x-mlflow-authorization"


def credentials(header):
    """(user name, password) of a header `Basic …`, or None."""
    scheme, _, encoded = header.partition(" ")
    try:
        username, colon, password = base64.b64decode(encoded).decode().partition(":")
    except ValueError:
        return None
    return (username, password) if scheme.lower() == "basic" and colon else None


def take_every_password(auth):
    """MLflow's routes for artifacts and traces read passwords as ASCII, and refuse one with an é, which all others take."""
    ascii_only, check = (required(auth, f"_authenticate_{name}") for name in ("fastapi_request", "cached"))

    def authenticate(request):
        given = credentials(request.headers.get("Authorization", ""))
        return ascii_only(request) if given is None or "".join(given).isascii() else check(*given)

    auth._authenticate_fastapi_request = authenticate


class OneAtATime:
    """The app, where the slow hash of a password is made for one login at a time, beside all other work.

    A few wrong logins at once would otherwise delay all other requests. A wrong password is taken off its request, to which MLflow
    then answers as to one without. A login that was right before is checked first; of the others, the one whose user
    name and address have the fewest wrong tries. Names without a user come last.
    """

    def __init__(self, app, check, has_user=lambda username: True, clock=time.monotonic):
        self.app, self.check, self.has_user, self.clock = app, check, has_user, clock
        self.thread = ThreadPoolExecutor(1)
        self.key = secrets.token_bytes(32)
        self.proven = {}
        self.waiting = {}
        self.keys_waiting = Counter()
        self.wrong = WrongTries()
        self.numbers = itertools.count()
        self.arrived = asyncio.Event()
        self.worker = None

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and (header := login_header(scope)) is not None:
            given = credentials(header.decode("latin-1"))
            right = given is not None and await self.right(header, given, addresses(scope))
            if right is None:
                return await too_many(send)
            if not right:
                scope = without_login(scope)
        await self.app(scope, receive, send)

    async def right(self, header, given, keys):
        """Whether the login is right; None if it is not its turn soon enough."""
        digest = hashlib.blake2b(header, key=self.key, digest_size=32).digest()
        if self.proven_within(digest, REMEMBERED_SECONDS):
            return True
        login = self.waiting.get(digest)
        if not login:
            login = self.waiting[digest] = Login(self, digest, given, keys)
            if len(self.waiting) > MOST_WAITING:
                self.finish(max(self.waiting.values(), key=self.place), None)
            self.arrived.set()
            if not self.worker or self.worker.done():
                self.worker = asyncio.create_task(self.work())
        # Many requests may wait for the one check.
        return await asyncio.shield(login.answer)

    def proven_within(self, digest, seconds):
        return self.clock() - self.proven.get(digest, float("-inf")) < seconds

    def place(self, login):
        """The login with the lowest is the next."""
        wrong = sum(self.wrong.count(key, self.clock()) + self.keys_waiting[key] for key in login.keys)
        return not login.preferred, login.is_user is False, wrong, self.wrong.last(login.keys[0]), login.number

    def finish(self, login, right):
        # It may have been sent away while it was checked.
        if self.waiting.get(login.digest) is login:
            del self.waiting[login.digest]
            self.keys_waiting -= Counter(login.keys)
            login.answer.set_result(right)

    async def work(self):
        """Checks logins as long as some are waiting."""
        while self.waiting:
            now = self.clock()
            for login in [each for each in self.waiting.values() if now >= each.until]:
                self.finish(login, None)
            for login in [each for each in self.waiting.values() if each.is_user is None][:MOST_NAMES]:
                login.is_user = await self.known(login.given[0])
            pauses = {each: self.pause(each, now) for each in self.waiting.values() if each.is_user is not None}
            ready = [login for login, seconds in pauses.items() if seconds <= 0]
            if ready:
                login = min(ready, key=self.place)
                self.finish(login, await self.outcome(login))
            elif len(pauses) == len(self.waiting) > 0:
                seconds = min(*pauses.values(), *(each.until - now for each in self.waiting.values()))
                self.arrived.clear()
                try:
                    await asyncio.wait_for(self.arrived.wait(), seconds)
                except asyncio.TimeoutError:
                    pass

    def pause(self, login, now):
        """Seconds for which the login may not be checked, because of the wrong ones before it."""
        return 0 if login.preferred else max(self.wrong.pause(key, now) for key in login.keys)

    async def outcome(self, login):
        try:
            right = login.is_user and bool(await self.in_thread(self.check, *login.given))
        except Exception:
            return True  # What is wrong, such as no database, MLflow says itself.
        self.proven.pop(login.digest, None)
        if right:
            self.proven[login.digest] = self.clock()
            drop_oldest(self.proven)
        else:
            # A name without a user is not kept: a client can invent any number of names.
            for key in login.keys if login.is_user else login.keys[1:]:
                self.wrong.add(key, self.clock())
        return right

    async def known(self, username):
        try:
            return bool(await self.in_thread(self.has_user, username))
        except Exception:
            return True

    async def in_thread(self, question, *given):
        return await asyncio.get_running_loop().run_in_executor(self.thread, question, *given)


class Login:
    """A user name and password that wait for their check."""

    def __init__(self, queue, digest, given, keys):
        self.digest, self.given = digest, given
        self.keys = [("user", given[0]), *keys]
        self.number = next(queue.numbers)
        self.preferred = queue.proven_within(digest, PREFERRED_SECONDS)
        # None until it is known whether there is a user of that name, with a password to be checked.
        self.is_user = True if self.preferred else None
        self.until = queue.clock() + MOST_SECONDS_WAITING
        self.answer = asyncio.get_running_loop().create_future()
        queue.keys_waiting.update(self.keys)


class WrongTries:
    """Counts wrong passwords by key; each is forgotten after a while."""

    def __init__(self):
        self.counted = {}

    def count(self, key, now):
        count, at = self.counted.get(key, (0, now))
        return max(0, count - (now - at) * WRONG_PER_SECOND)

    def last(self, key):
        return self.counted.get(key, (0, float("-inf")))[1]

    def pause(self, key, now):
        return max(0, self.count(key, now) + 1 - MOST_WRONG) / WRONG_PER_SECOND

    def add(self, key, now):
        count = self.count(key, now) + 1
        self.counted.pop(key, None)
        self.counted[key] = count, now
        drop_oldest(self.counted)


def drop_oldest(kept):
    if len(kept) > MOST_KEPT:
        del kept[next(iter(kept))]


def addresses(scope):
    """Keys of the address that nginx saw, and of the one that the Ingress before it may have seen.

    A client can write what it likes before those two. It can forge the second only where no Ingress sets it, and all that
    it forges counts for the first as well.
    """
    forwarded = dict(scope["headers"]).get(b"x-forwarded-for", b"").decode("latin-1").replace(" ", "").split(",")
    return [("nginx saw", forwarded[-1]), ("client", ",".join(forwarded[-2:])[-100:])]


def login_header(scope):
    """The header by which MLflow would ask for a password: empty if it is unknown which, None without one."""
    own, standard = ([value for name, value in scope["headers"] if name == each] for each in (OWN_HEADER, b"authorization"))
    # The gateway has a header of its own, as the other is for the provider behind it.
    values = own if any(own) and scope["path"].startswith("/gateway/") else standard
    if max(len(own), len(standard)) > 1:
        return b""
    # Other schemes are MLflow's affair.
    return values[0] if values and values[0].strip().lower().startswith(b"basic") else None


def without_login(scope):
    """Without both headers: MLflow would go on to the second, and to its slow hash."""
    kept = [pair for pair in scope["headers"] if pair[0] not in (OWN_HEADER, b"authorization")]
    return {**scope, "headers": kept}


def too_many(send):
    message = "Too many wrong passwords for this user or from this address. Try again shortly."
    return answer(send, 429, "TEMPORARILY_UNAVAILABLE", message, [(b"retry-after", b"5")])
