"""Settings of a Superset that answers one test and keeps its own tables in a file."""

import os

SECRET_KEY = "of a test on this machine"
SQLALCHEMY_DATABASE_URI = "sqlite:///" + os.environ["SUPERSET_TABLES"]
TALISMAN_ENABLED = False
WTF_CSRF_ENABLED = False
