"""Wrong passwords do not lock out users with the right password, on a real server with MLflow's own login."""

import base64
import itertools
import threading
import time
import unittest

from support import postgres, until
from tracking_server import TrackingServerTestCase

ADMIN = ("admin", "a long password")
CONNECTIONS = 60
TRIES = 5
# A login that waits for its turn takes about 1.2 s. The flood itself can keep the machine busy.
MOST_SECONDS = 15


def header(username, password):
    return {"Authorization": f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"}


class Flood(TrackingServerTestCase):
    environment = {"MLFLOW_FLASK_SERVER_SECRET_KEY": "key", "MLFLOW_AUTH_CONFIG_PATH": "auth.ini"}
    arguments = ["--app-name", "basic-auth"]

    @classmethod
    def prepare(cls):
        users = postgres().create("users_of_the_flood")
        (cls.folder / "auth.ini").write_text(
            f"[mlflow]\ndefault_permission = READ\ndatabase_uri = postgresql+psycopg2:///{users}\n"
            f"admin_username = {ADMIN[0]}\nadmin_password = {ADMIN[1]}\nauth_cache_ttl_seconds = 60\n"
        )

    def ask_from(self, forwarded, login):
        """Returns the status of an answer to a request over nginx, which adds the last address."""
        asked = {**header(*login), "X-Forwarded-For": forwarded}
        return self.ask("GET", "/api/2.0/mlflow/experiments/get?experiment_id=0", headers=asked)[0]

    def person(self, name):
        """Creates a user who has never logged in."""
        login = (name, f"the password of {name}")
        body = {"username": login[0], "password": login[1]}
        status, text = self.ask("POST", "/api/2.0/mlflow/users/create", body, header(*ADMIN))
        self.assertEqual(status, 200, text)
        return login

    def flood(self, forwarded, username):
        """Sends wrong passwords over many connections until the test ends. Returns the statuses."""
        answers, over = [], threading.Event()

        def connection(number):
            for count in itertools.count():
                if over.is_set():
                    return
                try:
                    answers.append(self.ask_from(forwarded, (username(number, count), f"wrong {number} {count}")))
                except OSError as error:
                    answers.append(error)

        threads = [threading.Thread(target=connection, args=[number], daemon=True) for number in range(CONNECTIONS)]
        self.addCleanup(over.set)
        for thread in threads:
            thread.start()
        until(lambda: len(answers) >= 10, "the first are refused")
        return answers

    def logs_in(self, forwarded, logins):
        """Checks that each login succeeds soon."""
        seconds = []
        for login in logins:
            began = time.monotonic()
            status = self.ask_from(forwarded, login)
            seconds.append((status, round(time.monotonic() - began, 2)))
        self.assertEqual([each for each in seconds if each[0] != 200 or each[1] > MOST_SECONDS], [], seconds)

    def persons(self, what):
        return [self.person(f"{what}-{number}") for number in range(TRIES)]

    def test_from_another_address(self):
        persons = self.persons("other-address")
        answers = self.flood("192.0.2.66", lambda number, count: persons[count % TRIES][0])
        self.logs_in("192.0.2.1", persons)
        self.assertLessEqual(set(answers), {401, 429})

    def test_from_another_address_behind_the_same_ingress(self):
        persons = self.persons("same-ingress")
        self.flood("192.0.2.67, 10.0.0.1", lambda number, count: persons[count % TRIES][0])
        self.logs_in("192.0.2.2, 10.0.0.1", persons)

    def test_from_the_same_address_to_another_user(self):
        persons = self.persons("same-address")
        self.flood("10.0.0.2", lambda number, count: ADMIN[0])
        self.logs_in("10.0.0.2", persons)

    def test_from_the_same_address_with_many_names(self):
        persons = self.persons("many-names")
        self.flood("10.0.0.3", lambda number, count: f"nobody-{number}-{count}" if number % 4 else ADMIN[0])
        self.logs_in("10.0.0.3", persons)

    def test_wrong_passwords_of_a_user_are_checked_once_a_second_at_most(self):
        person = self.person("guessed")
        began = time.monotonic()
        answers = self.flood("192.0.2.68", lambda number, count: person[0])
        until(lambda: answers.count(401) >= 20, "some are refused")
        refused, seconds = answers.count(401), time.monotonic() - began
        self.assertLessEqual(refused, 11 + seconds)


if __name__ == "__main__":
    unittest.main()
