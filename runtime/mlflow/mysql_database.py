"""MLflow's databases on a MySQL or MariaDB server: the login and TLS of each connection, and the schema that is there.

PyMySQL reads no environment variables. So the URI of MLflow names the database only, and `use()` adds the rest to each
connection of SQLAlchemy: the login is no part of a URI, and a password that was rotated is used by the next connection.
"""

import os
import socket
import ssl
from urllib.parse import quote

import pymysql
import schema
import secret_files

CONNECT_SECONDS = 10
# Ends a connection whose other end is gone, as after the loss of a node. The kernel's own default is two hours.
KEEPALIVE = {
    socket.TCP_KEEPIDLE: 20,
    socket.TCP_KEEPINTVL: 5,
    socket.TCP_KEEPCNT: 4,
    socket.TCP_USER_TIMEOUT: 20000,
}

# @see https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
NO_SUCH_TABLE = 1146
# Of the user, its host or its password, of what it may do, and of a database that does not exist for it.
LOGIN_REFUSED = (1044, 1045, 1049, 1130, 1142, 1227, 1251, 1698, 3118, 3159, 4151)


def uri(database):
    return f"mysql+pymysql:///{quote(database, safe='')}"


def use():
    """For each connection that SQLAlchemy makes in this process from now on."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    @event.listens_for(Engine, "do_connect")
    def log_in(dialect, _record, _arguments, parameters):
        return connect(**parameters) if dialect.driver == "pymysql" else None


def connect(database, **more):
    # A password that was rotated arrives in the files while the program runs.
    secret_files.load()
    host, port = os.environ["MYSQL_HOST"], int(os.environ["MYSQL_TCP_PORT"])
    context = tls()
    login = {
        "host": host,
        "port": port,
        "user": os.environ["MYSQL_USER"],
        # Bytes: PyMySQL encodes a text in Latin 1.
        "password": os.environb[b"MYSQL_PWD"],
        "database": database,
        "ssl": context,
        "ssl_disabled": context is None,
        "program_name": schema.OUR_NAME,
    }
    connection = pymysql.connect(**{**more, **login, "defer_connect": True})
    try:
        end = socket.create_connection((host, port), CONNECT_SECONDS)
    except OSError as error:
        raise pymysql.err.OperationalError(2003, f"Can't connect to {host} port {port}: {error}") from None
    end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in {**KEEPALIVE, socket.TCP_NODELAY: 1}.items():
        end.setsockopt(socket.IPPROTO_TCP, option, value)
    connection.connect(end)
    return connection


def tls():
    """None without TLS. Only VERIFY_IDENTITY checks the certificate and the host in it."""
    mode = os.environ["MYSQL_SSL_MODE"]
    if mode == "DISABLED":
        return None
    context = ssl.create_default_context(cafile=os.environ.get("MYSQL_SSL_CA"))
    # The certificates that MySQL makes for itself lack what strict means.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if mode != "VERIFY_IDENTITY":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate := os.environ.get("MYSQL_SSL_CERT"):
        context.load_cert_chain(certificate, os.environ["MYSQL_SSL_KEY"])
    return context


def ask(connection, query, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall()


def inspect(database, version_table):
    """(has tables, revision or None) of a database."""
    try:
        connection = connect(database, read_timeout=schema.ANSWER_SECONDS, write_timeout=schema.ANSWER_SECONDS)
        try:
            tables = {row[0] for row in ask(connection, "SHOW TABLES")}
            found = sorted(row[0] for row in ask(connection, f"SELECT version_num FROM {version_table}")) if (
                version_table in tables
            ) else []
        finally:
            connection.close()
    except (pymysql.err.Error, OSError) as error:
        raise schema.Unreachable(in_words(error)) from None
    return any(not table.startswith("alembic_") for table in tables), "+".join(found) or None


def in_words(error):
    """One line of an error, which never holds the password."""
    code, line = error.args[0] if error.args else None, str(error.args[-1] if error.args else error).split("\n")[0]
    return f"login refused ({line})" if code in LOGIN_REFUSED else f"unreachable ({line or type(error).__name__})"


def hold_as_server():
    """Nothing: no restore of ours waits for the servers of a MySQL."""
