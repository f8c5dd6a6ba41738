// Walks what node-postgres and postgres.js have and prints what it gets.

const { createRequire } = require('node:module')
const { pipeline } = require('node:stream/promises')
const { Readable, Writable } = require('node:stream')
const load = createRequire(process.env.NODE_LIBRARIES + '/')
const pg = load('pg')
const Cursor = load('pg-cursor')
const QueryStream = load('pg-query-stream')
const copy = load('pg-copy-streams')
const postgres = load('postgres')

const SLOW = 'SELECT count(*) FROM generate_series(1, 10000000) a(x), generate_series(1, 100000) b(y) WHERE (x * y) % 7 = 8'

const show = (v) => JSON.stringify(v, (_, x) => (typeof x === 'bigint' ? x + 'n' : x))

async function part(name, f) {
  console.log('== ' + name)
  try {
    await f()
  } catch (e) {
    console.log('error', e.code, String(e.message).split('\n')[0])
  }
}

const fields = (r) => r.fields.map((f) => [f.name, f.dataTypeID, f.dataTypeSize, f.dataTypeModifier, f.format])

async function nodePostgres() {
  const client = new pg.Client()
  await client.connect()
  const rows = async (text, values) => console.log(show((await client.query(text, values)).rows))
  await part('pg types', async () => {
    const r = await client.query('SELECT * FROM every_type ORDER BY id')
    console.log(show(fields(r)))
    r.rows.forEach((row) => console.log(show(row)))
  })
  await part('pg types with parameters', async () => rows('SELECT * FROM every_type WHERE id = $1', [1]))
  await part('pg types in binary', async () => {
    const r = await client.query({ text: 'SELECT a_bool, a_int2, a_int4, a_int8, a_float4, a_float8, a_text, a_timestamptz FROM every_type WHERE id = $1', values: [1], binary: true })
    console.log(show(fields(r)), show(r.rows))
  })
  await part('pg arrays', async () => rows(`SELECT ARRAY[1, 2, NULL] AS i, ARRAY['a', 'b c']::text[] AS t, ARRAY[true] AS b, ARRAY[0.5]::float8[] AS f, ARRAY['2024-01-01 00:00:00+00']::timestamptz[] AS z`))
  for (const [type, value] of [
    ['int', 1], ['bigint', '9007199254740993'], ['text', 'x'], ['float8', 0.1], ['boolean', true], ['date', '2024-01-01'], ['timestamptz', new Date(0)],
    ['bytea', Buffer.from([1, 2])], ['uuid', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'], ['json', { a: 1 }], ['int[]', [1, 2]], ['text[]', ['a', 'b,c']], ['text', null], ['interval', '1 day'],
  ]) {
    await part('pg parameter ' + type + ' ' + show(value), async () => {
      const r = await client.query(`SELECT $1::${type} AS v`, [value])
      console.log(show(fields(r)), show(r.rows))
    })
  }
  await part('pg prepared', async () => {
    for (const id of [1, 2, 1]) console.log(show((await client.query({ name: 'by-id', text: 'SELECT id, name FROM customers WHERE id = $1', values: [id] })).rows))
  })
  await part('pg array rows', async () => rows({ text: 'SELECT id, name FROM customers ORDER BY id', rowMode: 'array' }))
  await part('pg several statements', async () => (await client.query('SELECT 1 AS a; SELECT 2 AS b')).forEach((r) => console.log(show(r.rows))))
  await part('pg queued', async () => console.log(show((await Promise.all([1, 2, 3].map((i) => client.query('SELECT $1::int AS i', [i])))).map((r) => r.rows[0].i))))
  await part('pg cursor', async () => {
    const cursor = client.query(new Cursor('SELECT order_id FROM orders ORDER BY order_id'))
    console.log(show(await cursor.read(2)), show(await cursor.read(10)), show(await cursor.read(1)))
    await cursor.close()
    const early = client.query(new Cursor('SELECT order_id FROM orders WHERE order_id > $1 ORDER BY order_id', [1]))
    console.log(show(await early.read(1)))
    await early.close()
  })
  await part('pg stream', async () => {
    for await (const row of client.query(new QueryStream('SELECT order_id FROM orders ORDER BY order_id', [], { batchSize: 2 }))) console.log(show(row))
  })
  await part('pg copy to', async () => {
    let text = ''
    await pipeline(client.query(copy.to('COPY (SELECT * FROM customers ORDER BY id) TO STDOUT')), new Writable({ write(chunk, _, done) { text += chunk; done() } }))
    console.log(text)
  })
  await part('pg copy from', async () => {
    await client.query('CREATE TABLE copied (a INTEGER, b TEXT)')
    await pipeline(Readable.from(['1\tx\n', '2\t\\N\n']), client.query(copy.from('COPY copied FROM STDIN')))
    await rows('SELECT * FROM copied ORDER BY a')
    await client.query('DROP TABLE copied')
  })
  await part('pg transaction', async () => {
    await client.query('BEGIN')
    await client.query('SELECT nothing').catch((e) => console.log(e.code))
    await client.query('SELECT 1').catch((e) => console.log(e.code))
    await client.query('ROLLBACK')
    await rows('SELECT 1 AS a')
  })
  for (const text of ['SELEC 1', 'SELECT * FROM nothing', 'SELECT nothing FROM customers', "SELECT 'x'::int"]) {
    await part('pg error of ' + text, async () => {
      await client.query(text).catch((e) => console.log(e.code, e.severity, e.position))
    })
  }
  await part('pg counts', async () => {
    await client.query('CREATE TABLE counted (a INTEGER)')
    for (const text of ['INSERT INTO counted VALUES (1), (2)', 'UPDATE counted SET a = 3', 'DELETE FROM counted WHERE a = 3', 'SELECT 1 AS a']) {
      const r = await client.query(text)
      console.log(r.command, r.rowCount)
    }
    await client.query('DROP TABLE counted')
  })
  await part('pg empty', async () => console.log(show((await client.query('')).rows)))
  await part('pg catalog types', async () => console.log(show(fields(await client.query('SELECT oid, relname, relkind FROM pg_class LIMIT 0')))))
  await part('pg query timeout', async () => {
    const other = new pg.Client({ statement_timeout: 300 })
    await other.connect()
    await other.query(SLOW).catch((e) => console.log(e.code))
    await other.end()
  })
  await part('pg pool', async () => {
    const pool = new pg.Pool({ max: 3 })
    console.log(show((await Promise.all([1, 2, 3, 4, 5].map((i) => pool.query('SELECT $1::int AS i', [i])))).map((r) => r.rows[0].i)))
    await pool.end()
  })
  await client.end()
}

async function postgresJs() {
  const sql = postgres({ max: 1, onnotice: () => {}, connect_timeout: 10 })
  await part('postgres.js types', async () => {
    const rows = await sql`SELECT * FROM every_type ORDER BY id`
    console.log(show(rows.columns.map((c) => [c.name, c.type])))
    rows.forEach((row) => console.log(show(row)))
  })
  await part('postgres.js parameters', async () => {
    const id = 1
    console.log(show(await sql`SELECT id, name FROM customers WHERE id = ${id}`))
    console.log(show(await sql`SELECT id FROM customers WHERE id IN ${sql([1, 3])} ORDER BY id`))
    console.log(show(await sql`SELECT id FROM customers WHERE id = ANY(${[1, 2]}) ORDER BY id`))
    console.log(show(await sql`SELECT id FROM customers WHERE name = ANY(${['Ada', 'x']})`))
    console.log(show(await sql`SELECT id FROM orders JOIN customers ON id = order_id WHERE ts < ${new Date('2024-01-01T00:00:30Z')}`))
    console.log(show(await sql`SELECT ${sql('id', 'name')} FROM ${sql('customers')} ORDER BY ${sql('id')}`))
  })
  await part('postgres.js casts', async () => {
    console.log(show(await sql`SELECT ${1}::int AS i, ${'x'}::text AS t, ${true}::boolean AS b, ${new Date(0)}::timestamptz AS z, ${sql.json({ a: [1] })}::json AS j, ${Buffer.from([1])}::bytea AS y, ${null}::text AS n`))
  })
  await part('postgres.js arrays', async () => {
    console.log(show(await sql`SELECT ARRAY[1, 2] AS i, ARRAY['a', 'b c']::text[] AS t`))
    console.log(show(await sql`SELECT ${sql.array([1, 2])}::int[] AS i, ${sql.array(['a', 'b'])}::text[] AS t`))
  })
  await part('postgres.js describe', async () => {
    const d = await sql`SELECT id, name FROM customers WHERE id = ${1} AND credit > ${2}`.describe()
    console.log(show(d.types), show(d.columns.map((c) => [c.name, c.type])))
  })
  await part('postgres.js cursor', async () => {
    await sql`SELECT order_id FROM orders ORDER BY order_id`.cursor(2, (rows) => console.log(show(rows)))
    for await (const rows of sql`SELECT order_id FROM orders ORDER BY order_id`.cursor(3)) console.log(show(rows))
  })
  await part('postgres.js each', async () => sql`SELECT id FROM customers ORDER BY id`.forEach((row) => console.log(show(row))))
  await part('postgres.js raw and values', async () => {
    console.log(show(await sql`SELECT id, name FROM customers ORDER BY id`.values()))
    console.log(show(await sql`SELECT id FROM customers ORDER BY id`.raw()))
  })
  await part('postgres.js simple', async () => console.log(show(await sql`SELECT 1 AS a; SELECT 2 AS b`.simple())))
  await part('postgres.js transaction', async () => {
    console.log(show(await sql.begin(async (t) => [await t`SELECT 1 AS a`, await t`SELECT 2 AS b`])))
    await sql.begin(async (t) => { await t`SELECT nothing` }).catch((e) => console.log(e.code))
    console.log(show(await sql.begin('read only', (t) => t`SELECT count(*) FROM customers`)))
  })
  await part('postgres.js insert', async () => {
    await sql`CREATE TABLE js (a INTEGER, b TEXT)`
    const r = await sql`INSERT INTO js ${sql([{ a: 1, b: 'x' }, { a: 2, b: null }])}`
    console.log(r.command, r.count)
    console.log(show(await sql`SELECT * FROM js ORDER BY a`))
    await sql`DROP TABLE js`
  })
  await part('postgres.js copy', async () => {
    let text = ''
    await pipeline(await sql`COPY (SELECT id, name FROM customers ORDER BY id) TO STDOUT`.readable(), new Writable({ write(chunk, _, done) { text += chunk; done() } }))
    console.log(text)
  })
  await part('postgres.js pipelined', async () => console.log(show((await Promise.all([1, 2, 3].map((i) => sql`SELECT ${i}::int AS i`))).map((r) => r[0].i))))
  await part('postgres.js cancel', async () => {
    const query = sql.unsafe(SLOW)
    setTimeout(() => query.cancel(), 500)
    await query.catch((e) => console.log(e.code))
    console.log(show(await sql`SELECT 1 AS a`))
  })
  await part('postgres.js parameters of the session', async () => console.log(show(Object.fromEntries(['server_encoding', 'client_encoding', 'TimeZone', 'DateStyle', 'standard_conforming_strings'].map((k) => [k, sql.parameters[k]])))))
  await sql.end({ timeout: 1 })
}

nodePostgres().then(postgresJs).then(() => process.exit(0), (e) => { console.log(e); process.exit(1) })
