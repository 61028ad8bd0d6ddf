"""What an administrator, another program or a bad disk does to a database."""

import sqlite3


def damage(url, *statements):
    """Change a database behind the scheduler's back."""
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
