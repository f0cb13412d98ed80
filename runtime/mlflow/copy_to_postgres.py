"""Copies MLflow's SQLite files into empty PostgreSQL databases of the same schema, all or nothing.

  SQLITE_DIRECTORY            the folder of the files
  DATABASE_NAME               the file without `.db`; its rows go to the database PGDATABASE
  PGHOST, PGUSER, PGPASSWORD  and so on, as libpq reads them
  AUTH_DATABASE               if MLflow's own users are copied too: the name of the file and of the database

Each database is copied in one transaction, which also compares the number of rows; all are committed at the end. No server may
run meanwhile.
"""

import contextlib
import os
import signal
import sqlite3
import sys

import psycopg2
import psycopg2.extras
import schema
import secret_files
import sqlite_files
from schema import UNCHANGED, Failure, Refusal, say

ROWS_AT_ONCE = 1000
LOCK_SECONDS = 10

# Rows that a server or its migration creates by itself: they are replaced by those of the file.
OF_A_START = {"experiments": "experiment_id = 0", "workspaces": "name = 'default'", "users": "is_admin"}


def copies():
    """(file, name of the database, kind) of each."""
    names = [(os.environ["DATABASE_NAME"], os.environ["PGDATABASE"], schema.TRACKING)]
    if auth := os.environ.get("AUTH_DATABASE"):
        names.append((auth, auth, schema.AUTH))
    return [(sqlite_files.file_of(file), target, kind) for file, target, kind in names]


def copy_all():
    found = copies()
    for file, target, kind in found:
        compare_schemas(file, target, kind)
    with contextlib.ExitStack() as until_the_end:
        connections = []
        for file, target, _ in found:
            connection = schema.connect(target)
            until_the_end.callback(connection.close)
            connection.autocommit = False
            copy(connection, file, target)
            connections.append(connection)
        commit(found, connections)


def commit(found, connections):
    """Only now, when all of them are whole."""
    committed = []
    for (file, target, _), connection in zip(found, connections, strict=True):
        try:
            connection.commit()
        except psycopg2.Error as error:
            changed = f"The database {', '.join(committed)} has its rows already: empty it before you try again." if committed else UNCHANGED
            raise Failure(f"{file} could not be copied to the database {target}: {schema.cause(error)}. {changed}") from None
        committed.append(target)


def compare_schemas(file, target, kind):
    if not file.exists():
        raise Refusal(f"{file} does not exist. {UNCHANGED}")
    (_, mine), (_, other) = sqlite_files.inspect_file(file, kind[1]), schema.inspect(target, kind)
    if mine is None or mine != other:
        raise Refusal(
            f"{file} is at schema {mine or 'none'}, and the database {target} at {other or 'none'}. {UNCHANGED}"
            " Run the same version of MLflow on both first."
        )


def copy(connection, file, target):
    try:
        with sqlite_files.connect(file) as source, connection.cursor() as cursor:
            # One state of the file from now on.
            source.execute("BEGIN")
            tables = tables_of(cursor)
            refuse_other_tables(source, tables, file, target)
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
            cursor.execute(f"LOCK TABLE {', '.join(map(quoted, tables))} IN SHARE ROW EXCLUSIVE MODE")
            refuse_rows(cursor, tables, target)
            # In the other direction: rows that refer to others go first.
            for table in reversed(tables):
                cursor.execute(f"DELETE FROM {quoted(table)}")
            rows = sum(copy_table(source, cursor, table, target) for table in tables)
            set_sequences(cursor, tables)
    except (sqlite3.Error, psycopg2.Error) as error:
        raise Failure(f"{file} could not be copied to the database {target}: {schema.cause(error)}. {UNCHANGED}") from None
    say(f"Copied {file} to the database {target}: {rows} rows of {len(tables)} tables.")


def tables_of(cursor):
    """All tables but those of the revision, each after the tables that it refers to."""
    cursor.execute(
        r"SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename NOT LIKE 'alembic\_%' ORDER BY 1"
    )
    left = [row[0] for row in cursor.fetchall()]
    cursor.execute(
        "SELECT mine.relname, other.relname FROM pg_constraint JOIN pg_class mine ON mine.oid = conrelid"
        " JOIN pg_class other ON other.oid = confrelid WHERE contype = 'f' AND conrelid <> confrelid"
    )
    references = cursor.fetchall()
    ordered = []
    while left:
        ready = [each for each in left if not any(mine == each and other in left for mine, other in references)]
        if not ready:
            raise Refusal(f"The tables {', '.join(left)} refer to each other. {UNCHANGED}")
        ordered += ready
        left = [each for each in left if each not in ready]
    return ordered


def refuse_other_tables(source, tables, file, target):
    found = source.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    own = {name for (name,) in found if not name.startswith(("alembic_", "sqlite_"))}
    if own != set(tables):
        raise Refusal(f"{file} and the database {target} have other tables: {', '.join(sorted(own ^ set(tables)))}. {UNCHANGED}")


def refuse_rows(cursor, tables, target):
    for table in tables:
        but = f" WHERE NOT ({OF_A_START[table]})" if table in OF_A_START else ""
        cursor.execute(f"SELECT EXISTS (SELECT FROM {quoted(table)}{but})")
        if cursor.fetchone()[0]:
            raise Refusal(f"The table {table} of the database {target} has rows; expected an empty database. {UNCHANGED}")


def copy_table(source, cursor, table, target):
    columns = columns_of(cursor, table)
    booleans = [index for index, (_, kind) in enumerate(columns) if kind == "boolean"]
    names = ", ".join(quoted(name) for name, _ in columns)
    read = source.execute(f"SELECT {names} FROM {quoted(table)}")
    insert = f"INSERT INTO {quoted(table)} ({names}) OVERRIDING SYSTEM VALUE VALUES %s"
    count = 0
    while rows := read.fetchmany(ROWS_AT_ONCE):
        # SQLite has numbers for booleans. All other values are read by PostgreSQL as the column's type.
        converted = [
            [bool(value) if index in booleans and value is not None else value for index, value in enumerate(row)]
            for row in rows
        ]
        try:
            psycopg2.extras.execute_values(cursor, insert, converted, page_size=ROWS_AT_ONCE)
        except (psycopg2.Error, ValueError) as error:
            raise Failure(f"The table {table} could not be copied to {target}: {schema.cause(error)}. {UNCHANGED}") from None
        count += len(rows)
    cursor.execute(f"SELECT count(*) FROM {quoted(table)}")
    if (arrived := cursor.fetchone()[0]) != count:
        raise Failure(f"The table {table} has {arrived} of {count} rows in {target}. {UNCHANGED}")
    return count


def columns_of(cursor, table):
    """(name, type) of all that are not computed from others."""
    cursor.execute(
        "SELECT column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND table_name = %s AND is_generated = 'NEVER' ORDER BY ordinal_position",
        [table],
    )
    return cursor.fetchall()


def set_sequences(cursor, tables):
    """The next number that PostgreSQL draws is above those that came with the rows."""
    for table in tables:
        for column, _ in columns_of(cursor, table):
            cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [quoted(table), column])
            if sequence := cursor.fetchone()[0]:
                highest = f"(SELECT max({quoted(column)}) FROM {quoted(table)})"
                cursor.execute(f"SELECT setval(%s, greatest(coalesce({highest}, 0), 0) + 1, false)", [sequence])


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def main():
    # PID 1 has no default for it. What was begun is rolled back by the database.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    secret_files.load()
    try:
        copy_all()
    except (Failure, schema.Unreachable) as failure:
        print(failure, file=sys.stderr, flush=True)
        sys.exit(failure.code)


if __name__ == "__main__":
    main()
