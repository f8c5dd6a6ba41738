"""Reflects the database with SQLAlchemy and reads it with pandas."""

import datetime
import os
import warnings

import pandas
import sqlalchemy
from sqlalchemy import MetaData, Table, bindparam, column, create_engine, func, inspect, select, table, text
from sqlalchemy.engine.reflection import ObjectKind, ObjectScope

warnings.simplefilter("ignore")


def part(name, function, *arguments):
    print("==", name)
    try:
        function(*arguments)
    except Exception as e:
        print(type(e).__name__, str(e).partition("\n")[0])


def show(value):
    """Prints dictionaries in the order of their keys."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{show(k)}: {show(v)}" for k, v in sorted(value.items(), key=lambda kv: str(kv[0]))) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(show(v) for v in value) + "]"
    return repr(value)


def by_table(all):
    for key in sorted(all, key=str):
        print(key, show(all[key]))


TABLES = ["customers", "order_items", "notes", "every_type", "orders", "revenue", "revenue_per_minute"]


def reflect(inspector):
    part("schemas", lambda: print("public" in inspector.get_schema_names(), inspector.default_schema_name))
    part("tables", lambda: print(sorted(t for t in inspector.get_table_names() if "$" not in t)))
    part("views", lambda: print(inspector.get_view_names(), sorted(inspector.get_materialized_view_names())))
    part("temporary", lambda: print(inspector.get_temp_table_names(), inspector.get_temp_view_names()))
    part("sequences", lambda: print(inspector.get_sequence_names()))
    part("foreign tables", lambda: print(inspector.get_foreign_table_names()))
    part("enums and domains", lambda: print(inspector.get_enums(), inspector.get_domains() if inspector.bind.dialect.name != "postgresql" else ""))
    part("has", lambda: print(
        [inspector.has_table(t) for t in TABLES + ["nothing"]], inspector.has_schema("public"), inspector.has_schema("nothing"),
        inspector.has_index("customers", "nothing"), inspector.has_sequence("nothing")))
    for t in TABLES:
        part("columns of " + t, lambda: [print(show(c)) for c in inspector.get_columns(t)])
        part("constraints of " + t, lambda: print(
            show(inspector.get_pk_constraint(t)), inspector.get_foreign_keys(t), show(inspector.get_indexes(t)),
            inspector.get_unique_constraints(t), inspector.get_check_constraints(t), show(inspector.get_table_comment(t))))
    part("columns of nothing", lambda: inspector.get_columns("nothing"))
    part("oid", lambda: print(inspector.get_table_oid("customers") > 0))
    part("sorted tables", lambda: print(sorted(t for t, _ in inspector.get_sorted_table_and_fkc_names() if t and "$" not in t)))
    for method in ("get_multi_columns", "get_multi_pk_constraint", "get_multi_foreign_keys", "get_multi_indexes", "get_multi_unique_constraints",
                   "get_multi_check_constraints", "get_multi_table_comment"):
        part(method, lambda: by_table(getattr(inspector, method)(
            schema="public", filter_names=TABLES, kind=ObjectKind.ANY, scope=ObjectScope.ANY)))
    part("view definition", lambda: print(inspector.get_view_definition("nothing")))


def metadata(engine):
    m = MetaData()
    m.reflect(bind=engine, only=["customers", "order_items", "every_type"])
    for t in m.sorted_tables:
        print(t.name, [(c.name, str(c.type), c.nullable, c.primary_key, c.comment) for c in t.columns])
    m = MetaData()
    m.reflect(bind=engine, views=True, only=["revenue"])
    print([c.name for c in Table("revenue", m, autoload_with=engine).columns])


def core(engine):
    customers = Table("customers", MetaData(), autoload_with=engine)
    with engine.connect() as c:
        print(c.execute(select(customers).order_by(customers.c.id)).fetchall())
        print(c.execute(select(customers.c.name).where(customers.c.id.in_([1, 3])).order_by(customers.c.id)).scalars().all())
        print(c.execute(select(func.count()).select_from(customers)).scalar())
        print(c.execute(text("SELECT :a + 1 AS x, :b AS y").bindparams(a=1, b="t")).one()._mapping)
        print(c.execute(select(customers.c.name).limit(1).offset(1).order_by(customers.c.id)).all())
        print(c.execution_options(stream_results=True, max_row_buffer=2).execute(select(customers.c.id).order_by(customers.c.id)).all())
        print(c.execute(text("SELECT 1 AS x")).keys(), c.get_isolation_level(), c.dialect.server_version_info[0])


def write(engine):
    t = Table("alchemy", MetaData(), sqlalchemy.Column("id", sqlalchemy.Integer, primary_key=True, autoincrement=False),
              sqlalchemy.Column("name", sqlalchemy.Text), sqlalchemy.Column("at", sqlalchemy.DateTime(timezone=True)))
    definer = engine.execution_options(isolation_level="AUTOCOMMIT")
    t.create(definer)
    try:
        with engine.begin() as c:
            c.execute(t.insert(), [{"id": i, "name": str(i), "at": datetime.datetime(2024, 1, i, tzinfo=datetime.timezone.utc)} for i in (1, 2, 3)])
        with engine.begin() as c:
            print(c.execute(t.update().where(t.c.id == 2).values(name="two")).rowcount)
        with engine.begin() as c:
            print(c.execute(t.delete().where(t.c.id == 3)).rowcount)
        with engine.connect() as c:
            print(c.execute(select(t).order_by(t.c.id)).fetchall())
    finally:
        t.drop(definer)


def frames(engine):
    for query in ("SELECT * FROM customers ORDER BY id", "SELECT * FROM order_items ORDER BY order_id, line", "SELECT * FROM orders ORDER BY order_id",
                  "SELECT country, revenue FROM revenue ORDER BY country"):
        with engine.connect() as c:
            frame = pandas.read_sql(text(query), c)
        print(frame.dtypes.to_dict())
        print(frame.to_csv(index=False))
    with engine.connect() as c:
        print(pandas.read_sql_table("customers", c, index_col="id").sort_index().to_csv())
        print(pandas.read_sql_query(text("SELECT id FROM customers WHERE id > :i ORDER BY id"), c, params={"i": 1}).to_csv())
        print(sum(len(f) for f in pandas.read_sql_query(text("SELECT * FROM orders"), c, chunksize=3)))


def write_frame(engine):
    frame = pandas.DataFrame({"a": [1, 2], "b": ["x", None], "c": [0.5, 1.5], "d": pandas.to_datetime(["2024-01-01", None])})
    try:
        print(frame.to_sql("frame", engine, index=False, if_exists="replace"))
        with engine.connect() as c:
            print(c.execute(text("SELECT * FROM frame ORDER BY a")).fetchall())
    finally:
        with engine.begin() as c:
            c.execute(text("DROP TABLE IF EXISTS frame"))


def main():
    where = "{PGUSER}@{PGHOST}:{PGPORT}/{PGDATABASE}".format(**os.environ)
    for driver in ("psycopg", "psycopg2"):
        engine = create_engine(f"postgresql+{driver}://{where}")
        if driver == "psycopg":
            reflect(inspect(engine))
            part("metadata", metadata, engine)
        part(driver + " core", core, engine)
        part(driver + " write", write, engine)
        part(driver + " pandas", frames, engine)
        part(driver + " to_sql", write_frame, engine)
        engine.dispose()


main()
