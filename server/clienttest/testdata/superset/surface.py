"""Walks Apache Superset's REST API: a database, its schemas and tables, a dataset
over a view whose rows change, charts, SQL Lab.

With the argument "prepare" it makes the file with Superset's own tables, if there
is none; that takes minutes. Each walk begins with a copy of it."""

import json
import os
import shutil
import sys
import tempfile
import traceback

sys.dont_write_bytecode = True  # of the settings beside this file
PREPARED = os.path.join(sys.prefix, "superset.db")


def prepare():
    if os.path.exists(PREPARED):
        return
    os.environ["SUPERSET_TABLES"] = PREPARED + ".new"
    os.environ["SUPERSET_CONFIG_PATH"] = os.path.join(os.path.dirname(os.path.abspath(__file__)), "superset_config.py")
    superset = os.path.join(sys.prefix, "bin", "superset")
    for command in ("db upgrade", "fab create-admin --username admin --firstname A --lastname B --email a@example.com --password admin", "init"):
        if os.system(f"FLASK_APP='superset.app:create_app()' {superset} {command}"):
            raise SystemExit(f"superset {command} failed")
    os.rename(PREPARED + ".new", PREPARED)


def execute(*statements):
    import psycopg2

    connection = psycopg2.connect(host=os.environ["PGHOST"], port=os.environ["PGPORT"], user=os.environ["PGUSER"], dbname=os.environ["PGDATABASE"])
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT version()")
        millstream = "Millstream" in cursor.fetchone()[0]
        for statement in statements:
            if isinstance(statement, tuple):  # what each of the two says
                statement = statement[millstream]
            if statement:
                cursor.execute(statement)
    connection.close()


class Walk:
    def __init__(self):
        from superset.app import create_app

        self.client = create_app().test_client()
        self.headers = {}
        token = self.post("security/login", {"username": "admin", "password": "admin", "provider": "db"})
        self.headers = {"Authorization": "Bearer " + token["access_token"]}

    def answer(self, response):
        if response.status_code >= 300:
            raise RuntimeError(f"{response.status_code} {response.get_data(as_text=True)}")
        return json.loads(response.get_data(as_text=True))

    def get(self, path):
        return self.answer(self.client.get("/api/v1/" + path, headers=self.headers))

    def post(self, path, body):
        return self.answer(self.client.post("/api/v1/" + path, json=body, headers=self.headers))

    def connect(self):
        uri = "postgresql+psycopg2://{PGUSER}@{PGHOST}:{PGPORT}/{PGDATABASE}".format(**os.environ)
        print(self.post("database/test_connection/", {"database_name": "stream", "sqlalchemy_uri": uri}))
        self.database = self.post("database/", {"database_name": "stream", "sqlalchemy_uri": uri, "expose_in_sqllab": True})["id"]

    def schemas(self):
        print(sorted(s for s in self.get(f"database/{self.database}/schemas/")["result"] if s != "millstream"))

    def tables(self):
        for table in self.get(f"database/{self.database}/tables/?q=(schema_name:public)")["result"]:
            if "$" not in table["value"]:
                print(table["type"], table["value"])

    def table(self):
        table = self.get(f"database/{self.database}/table_metadata/?name=customers&schema=public")
        for column in table["columns"]:
            print(column["name"], column["type"], column["longType"], column["keys"])
        print(table["primaryKey"], table["indexes"], table["foreignKeys"], table["comment"])

    def dataset(self, name):
        made = self.post("dataset/", {"database": self.database, "schema": "public", "table_name": name})
        for column in self.get(f"dataset/{made['id']}")["result"]["columns"]:
            print(column["column_name"], column["type"], column["type_generic"], column["is_dttm"])
        return made["id"]

    def datasets(self):
        self.totals = self.dataset("sales_totals")
        self.sales = self.dataset("sales")

    def chart(self):
        params = json.dumps({"viz_type": "table", "groupby": ["country"]})
        chart = self.post("chart/", {"slice_name": "totals", "viz_type": "table", "datasource_id": self.totals, "datasource_type": "table", "params": params})
        print(chart["result"]["slice_name"])

    def data(self, dataset, query):
        body = {"datasource": {"id": dataset, "type": "table"}, "queries": [query], "result_format": "json", "result_type": "full", "force": True}
        for row in self.post("chart/data", body)["result"][0]["data"]:
            print(row)

    def totals_now(self):
        total = {"expressionType": "SQL", "sqlExpression": "sum(total)", "label": "total"}
        self.data(self.totals, {"columns": ["country"], "metrics": [total, "count"], "orderby": [["country", True]], "row_limit": 100})

    def series(self):
        amount = {"expressionType": "SIMPLE", "column": {"column_name": "amount"}, "aggregate": "SUM", "label": "amount"}
        by_minute = {"columnType": "BASE_AXIS", "sqlExpression": "ts", "label": "ts", "expressionType": "SQL", "timeGrain": "PT1M"}
        filters = [{"col": "ts", "op": "TEMPORAL_RANGE", "val": "2024-01-01T00:00:00 : 2024-01-02T00:00:00"}, {"col": "country", "op": "IN", "val": ["CH", "DE"]}]
        self.data(self.sales, {"columns": [by_minute, "country"], "metrics": [amount], "filters": filters, "orderby": [["amount", False]], "row_limit": 100})

    def sql_lab(self, sql):
        answer = self.post("sqllab/execute/", {"database_id": self.database, "sql": sql, "schema": "public", "client_id": os.urandom(5).hex(), "runAsync": False})
        print([f"{c['column_name']} {c['type']}" for c in answer["columns"]], answer["data"])


def part(name, function, *arguments):
    print("==", name)
    try:
        function(*arguments)
    except Exception as e:
        print(type(e).__name__, str(e).partition("\n")[0])


ROWS = "INSERT INTO sales VALUES ('CH', 10.50, '2024-01-01 00:00:10Z'), ('DE', 2, '2024-01-01 00:00:20Z'), ('CH', 4, '2024-01-01 00:01:10Z')"
MORE = "INSERT INTO sales VALUES ('CH', 1, '2024-01-01 00:02:10Z'), ('FR', 8, '2024-01-01 00:02:20Z')"
REFRESH = ("REFRESH MATERIALIZED VIEW sales_totals", "")
DROP = ("DROP MATERIALIZED VIEW IF EXISTS sales_totals", ("DROP TABLE IF EXISTS sales", "DROP SOURCE IF EXISTS sales"))


def main():
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # Superset's log
    tables = os.path.join(tempfile.mkdtemp(), "superset.db")
    shutil.copyfile(PREPARED, tables)
    os.environ["SUPERSET_TABLES"] = tables
    columns = "(country TEXT, amount DECIMAL(12,2), ts TIMESTAMPTZ)"
    execute(("CREATE TABLE sales " + columns, "CREATE SOURCE sales " + columns), ROWS,
            "CREATE MATERIALIZED VIEW sales_totals AS SELECT country, count(*) AS n, sum(amount)::DECIMAL(38,2) AS total FROM sales GROUP BY country")
    try:
        walk = Walk()
        part("a database", walk.connect)
        part("schemas", walk.schemas)
        part("tables", walk.tables)
        part("a table", walk.table)
        part("datasets", walk.datasets)
        part("a chart", walk.chart)
        part("the figures of the chart", walk.totals_now)
        execute(MORE, REFRESH)
        part("the figures a moment later", walk.totals_now)
        part("a series by the minute", walk.series)
        part("SQL Lab", walk.sql_lab, "SELECT country, total FROM sales_totals ORDER BY country")
        part("SQL Lab, an error", walk.sql_lab, "SELECT nothing FROM sales_totals")
    finally:
        execute(*DROP)
        shutil.rmtree(os.path.dirname(tables))


try:
    prepare() if sys.argv[1:] == ["prepare"] else main()
except Exception:
    traceback.print_exc(file=sys.stdout)
    sys.exit(1)
