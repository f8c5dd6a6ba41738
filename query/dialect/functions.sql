-- What PostgreSQL has and DuckDB has not, or has with another meaning, as macros
-- in the schema functions.main, which is on the path of every connection. They
-- are part of the language: of queries and of materialized views. They have one
-- form for each number of arguments, whatever the types: DuckDB does not know the
-- type of an aggregate yet when it chooses a macro. Parameters are called ms_ so
-- that they hide no column of whoever calls, and a function of DuckDB's that is
-- hidden is called by its full name.

-- Regular expressions match anywhere. DuckDB's parser has a meaning of its own for
-- ~ and !~, so Rewrite makes @ and !@ of them.
CREATE MACRO functions.main."@"(ms_a, ms_b) AS regexp_matches(ms_a, ms_b, 's');
CREATE MACRO functions.main."!@"(ms_a, ms_b) AS NOT regexp_matches(ms_a, ms_b, 's');
CREATE MACRO functions.main."~*"(ms_a, ms_b) AS regexp_matches(ms_a, ms_b, 'si');
CREATE MACRO functions.main."!~*"(ms_a, ms_b) AS NOT regexp_matches(ms_a, ms_b, 'si');

-- LIKE and GLOB are package duck's, whose time is bounded; of ILIKE DuckDB's own is not.
CREATE MACRO functions.main."~~*"(ms_a, ms_b) AS lower(ms_a) ~~ lower(ms_b);
CREATE MACRO functions.main."!~~*"(ms_a, ms_b) AS lower(ms_a) !~~ lower(ms_b);
CREATE MACRO functions.main.ilike_escape(ms_a, ms_b, ms_c) AS like_escape(lower(ms_a), lower(ms_b), ms_c);
CREATE MACRO functions.main.not_ilike_escape(ms_a, ms_b, ms_c) AS not_like_escape(lower(ms_a), lower(ms_b), ms_c);

-- Distances of texts take the product of the lengths, in one call that nothing ends. The bound stands in each:
-- a condition of its own lets DuckDB compute the distance of constants before it looks at that.
CREATE MACRO functions.main.levenshtein(ms_a, ms_b) AS CASE WHEN strlen(ms_a)::BIGINT * strlen(ms_b) > 100000000
  THEN error('levenshtein is called with texts that are too long: the product of their lengths is more than 100000000') ELSE system.main.levenshtein(ms_a, ms_b) END;
CREATE MACRO functions.main.editdist3(ms_a, ms_b) AS CASE WHEN strlen(ms_a)::BIGINT * strlen(ms_b) > 100000000
  THEN error('editdist3 is called with texts that are too long: the product of their lengths is more than 100000000') ELSE system.main.editdist3(ms_a, ms_b) END;
CREATE MACRO functions.main.damerau_levenshtein(ms_a, ms_b) AS CASE WHEN strlen(ms_a)::BIGINT * strlen(ms_b) > 100000000
  THEN error('damerau_levenshtein is called with texts that are too long: the product of their lengths is more than 100000000') ELSE system.main.damerau_levenshtein(ms_a, ms_b) END;
CREATE MACRO functions.main.jaro_similarity(ms_a, ms_b) AS CASE WHEN strlen(ms_a)::BIGINT * strlen(ms_b) > 100000000
  THEN error('jaro_similarity is called with texts that are too long: the product of their lengths is more than 100000000') ELSE system.main.jaro_similarity(ms_a, ms_b) END;
CREATE MACRO functions.main.jaro_winkler_similarity(ms_a, ms_b) AS CASE WHEN strlen(ms_a)::BIGINT * strlen(ms_b) > 100000000
  THEN error('jaro_winkler_similarity is called with texts that are too long: the product of their lengths is more than 100000000') ELSE system.main.jaro_winkler_similarity(ms_a, ms_b) END;

-- to_char, whose kind Rewrite finds by its format. A constant format that strftime
-- has too becomes one of strftime; others are cut into patterns here, row by row.
CREATE MACRO functions.main.ms_without_zeros(ms_a, ms_b) AS
  CASE WHEN ms_b THEN coalesce(nullif(ltrim(ms_a, '0'), ''), '0') ELSE ms_a END;
CREATE MACRO functions.main.ms_padded(ms_a, ms_b) AS CASE WHEN ms_b THEN ms_a ELSE rpad(ms_a, 9, ' ') END;
CREATE MACRO functions.main.ms_time_part(ms_t, ms_p, ms_fm) AS CASE
  WHEN ms_p IN ('YYYY', 'yyyy') THEN functions.main.ms_without_zeros(lpad(abs(year(ms_t))::VARCHAR, 4, '0'), ms_fm)
  WHEN ms_p IN ('Y,YYY', 'y,yyy') THEN left(lpad(year(ms_t)::VARCHAR, 4, '0'), 1) || ',' || right(lpad(year(ms_t)::VARCHAR, 4, '0'), 3)
  WHEN ms_p IN ('YYY', 'yyy') THEN right(lpad(year(ms_t)::VARCHAR, 4, '0'), 3)
  WHEN ms_p IN ('YY', 'yy') THEN right(lpad(year(ms_t)::VARCHAR, 4, '0'), 2)
  WHEN ms_p IN ('Y', 'y') THEN right(year(ms_t)::VARCHAR, 1)
  WHEN ms_p IN ('IYYY', 'iyyy') THEN functions.main.ms_without_zeros(lpad(isoyear(ms_t)::VARCHAR, 4, '0'), ms_fm)
  WHEN ms_p IN ('IYY', 'iyy') THEN right(lpad(isoyear(ms_t)::VARCHAR, 4, '0'), 3)
  WHEN ms_p IN ('IY', 'iy') THEN right(lpad(isoyear(ms_t)::VARCHAR, 4, '0'), 2)
  WHEN ms_p IN ('I', 'i') THEN right(isoyear(ms_t)::VARCHAR, 1)
  WHEN ms_p IN ('BC', 'AD') THEN CASE WHEN year(ms_t) > 0 THEN 'AD' ELSE 'BC' END
  WHEN ms_p IN ('bc', 'ad') THEN CASE WHEN year(ms_t) > 0 THEN 'ad' ELSE 'bc' END
  WHEN ms_p = 'MONTH' THEN functions.main.ms_padded(upper(monthname(ms_t)), ms_fm)
  WHEN ms_p = 'Month' THEN functions.main.ms_padded(monthname(ms_t), ms_fm)
  WHEN ms_p = 'month' THEN functions.main.ms_padded(lower(monthname(ms_t)), ms_fm)
  WHEN ms_p = 'MON' THEN upper(left(monthname(ms_t), 3))
  WHEN ms_p = 'Mon' THEN left(monthname(ms_t), 3)
  WHEN ms_p = 'mon' THEN lower(left(monthname(ms_t), 3))
  WHEN ms_p IN ('MM', 'mm') THEN functions.main.ms_without_zeros(lpad(month(ms_t)::VARCHAR, 2, '0'), ms_fm)
  WHEN ms_p = 'DAY' THEN functions.main.ms_padded(upper(dayname(ms_t)), ms_fm)
  WHEN ms_p = 'Day' THEN functions.main.ms_padded(dayname(ms_t), ms_fm)
  WHEN ms_p = 'day' THEN functions.main.ms_padded(lower(dayname(ms_t)), ms_fm)
  WHEN ms_p = 'DY' THEN upper(left(dayname(ms_t), 3))
  WHEN ms_p = 'Dy' THEN left(dayname(ms_t), 3)
  WHEN ms_p = 'dy' THEN lower(left(dayname(ms_t), 3))
  WHEN ms_p IN ('DDD', 'ddd') THEN functions.main.ms_without_zeros(lpad(dayofyear(ms_t)::VARCHAR, 3, '0'), ms_fm)
  WHEN ms_p IN ('DD', 'dd') THEN functions.main.ms_without_zeros(lpad(day(ms_t)::VARCHAR, 2, '0'), ms_fm)
  WHEN ms_p IN ('D', 'd') THEN (dayofweek(ms_t) + 1)::VARCHAR
  WHEN ms_p IN ('ID', 'id') THEN isodow(ms_t)::VARCHAR
  WHEN ms_p IN ('WW', 'ww') THEN functions.main.ms_without_zeros(lpad(((dayofyear(ms_t) - 1) // 7 + 1)::VARCHAR, 2, '0'), ms_fm)
  WHEN ms_p IN ('W', 'w') THEN ((day(ms_t) - 1) // 7 + 1)::VARCHAR
  WHEN ms_p IN ('IW', 'iw') THEN functions.main.ms_without_zeros(lpad(week(ms_t)::VARCHAR, 2, '0'), ms_fm)
  WHEN ms_p IN ('Q', 'q') THEN quarter(ms_t)::VARCHAR
  WHEN ms_p IN ('CC', 'cc') THEN functions.main.ms_without_zeros(lpad(century(ms_t)::VARCHAR, 2, '0'), ms_fm)
  WHEN ms_p IN ('J', 'j') THEN julian(ms_t)::BIGINT::VARCHAR
  WHEN ms_p IN ('HH24', 'hh24') THEN functions.main.ms_without_zeros(lpad(hour(ms_t)::VARCHAR, 2, '0'), ms_fm)
  WHEN ms_p IN ('HH12', 'hh12', 'HH', 'hh') THEN functions.main.ms_without_zeros(lpad(((hour(ms_t) + 11) % 12 + 1)::VARCHAR, 2, '0'), ms_fm)
  WHEN ms_p IN ('MI', 'mi') THEN functions.main.ms_without_zeros(lpad(minute(ms_t)::VARCHAR, 2, '0'), ms_fm)
  WHEN ms_p IN ('SSSSS', 'SSSS', 'sssss', 'ssss') THEN (hour(ms_t) * 3600 + minute(ms_t) * 60 + second(ms_t))::VARCHAR
  WHEN ms_p IN ('SS', 'ss') THEN functions.main.ms_without_zeros(lpad(second(ms_t)::VARCHAR, 2, '0'), ms_fm)
  WHEN ms_p IN ('MS', 'ms', 'FF3', 'ff3') THEN lpad((microsecond(ms_t) % 1000000 // 1000)::VARCHAR, 3, '0')
  WHEN ms_p IN ('US', 'us', 'FF6', 'ff6') THEN lpad((microsecond(ms_t) % 1000000)::VARCHAR, 6, '0')
  WHEN ms_p IN ('AM', 'PM') THEN CASE WHEN hour(ms_t) < 12 THEN 'AM' ELSE 'PM' END
  WHEN ms_p IN ('am', 'pm') THEN CASE WHEN hour(ms_t) < 12 THEN 'am' ELSE 'pm' END
  WHEN ms_p IN ('A.M.', 'P.M.') THEN CASE WHEN hour(ms_t) < 12 THEN 'A.M.' ELSE 'P.M.' END
  WHEN ms_p IN ('a.m.', 'p.m.') THEN CASE WHEN hour(ms_t) < 12 THEN 'a.m.' ELSE 'p.m.' END
  WHEN left(ms_p, 1) = '"' THEN replace(replace(ms_p[2:-2], '\"', '"'), '\\', '\')
  ELSE ms_p END;
CREATE MACRO functions.main.ms_time_text(ms_t, ms_f) AS CASE WHEN ms_t IS NOT NULL AND isfinite(ms_t) THEN array_to_string(list_transform(
  regexp_extract_all(ms_f, '(?s)"(?:[^"\\]|\\.)*"|(?:FM|fm)?(?:Y,YYY|y,yyy|I?YYYY|I?YYY|I?YY|iyyy|iyy|iy|yyyy|yyy|yy|HH24|hh24|HH12|hh12|HH|hh|MONTH|Month|month|MON|Mon|mon|MM|mm|MI|mi|MS|ms|SSSSS|SSSS|SS|sssss|ssss|ss|US|us|FF3|ff3|FF6|ff6|DAY|Day|day|DDD|ddd|DD|dd|DY|Dy|dy|IW|iw|ID|id|WW|ww|CC|cc|BC|bc|AD|ad|A\.M\.|P\.M\.|a\.m\.|p\.m\.|AM|PM|am|pm|[YyIiQqDdWwJj])|.'),
  lambda ms_x: CASE WHEN upper(left(ms_x, 2)) = 'FM' THEN functions.main.ms_time_part(ms_t, ms_x[3:], true)
    ELSE functions.main.ms_time_part(ms_t, ms_x, false) END), '') END;

-- Numbers: digits from the right into the places of the format.
CREATE MACRO functions.main.ms_places(ms_f) AS len(regexp_replace(ms_f, '[^09]', '', 'g'));
CREATE MACRO functions.main.ms_whole(ms_f) AS regexp_extract(replace(replace(upper(ms_f), 'D', '.'), 'G', ','), '^[^.]*');
CREATE MACRO functions.main.ms_fraction(ms_f) AS functions.main.ms_places(regexp_extract(replace(upper(ms_f), 'D', '.'), '\.(.*)$', 1));
CREATE MACRO functions.main.ms_digits(ms_w, ms_d) AS array_to_string(list_transform(
  list_zip(string_split(ms_w, ''), range(1, len(ms_w) + 1)),
  lambda ms_x: CASE
    WHEN ms_x[1] IN ('0', '9') THEN CASE
      WHEN ms_d[functions.main.ms_places(ms_w[1:ms_x[2]])] = ' ' AND contains(ms_w[1:ms_x[2]], '0') THEN '0'
      ELSE ms_d[functions.main.ms_places(ms_w[1:ms_x[2]])] END
    WHEN ms_x[1] = ',' THEN CASE WHEN ms_x[2] = 1 OR ms_d[functions.main.ms_places(ms_w[1:ms_x[2]])] = ' ' AND NOT contains(ms_w[1:ms_x[2]], '0') THEN ' ' ELSE ',' END
    ELSE ms_x[1] END), '');
CREATE MACRO functions.main.ms_signed(ms_text, ms_negative) AS
  regexp_replace(' ' || ms_text, '^( *) ', '\1' || CASE WHEN ms_negative THEN '-' ELSE ' ' END);
CREATE MACRO functions.main.ms_number_text(ms_v, ms_whole, ms_places, ms_fraction, ms_point) AS functions.main.ms_signed(
  CASE WHEN len(split_part(printf('%.' || ms_fraction || 'f', abs(ms_v)), '.', 1)) > ms_places AND abs(ms_v) >= 1
    THEN regexp_replace(ms_whole, '[09]', '#', 'g') || CASE WHEN ms_point THEN '.' || repeat('#', ms_fraction) ELSE '' END
    ELSE functions.main.ms_digits(ms_whole, lpad(
        CASE WHEN printf('%.' || ms_fraction || 'f', abs(ms_v)) LIKE '0.%' AND ms_fraction > 0 AND right(ms_whole, 1) <> '0' THEN ''
          ELSE split_part(printf('%.' || ms_fraction || 'f', abs(ms_v)), '.', 1) END, greatest(ms_places, 1)::INTEGER, ' '))
      || CASE WHEN ms_point THEN '.' || split_part(printf('%.' || ms_fraction || 'f', abs(ms_v)), '.', 2) ELSE '' END END,
  printf('%.' || ms_fraction || 'f', ms_v) LIKE '-%');
CREATE MACRO functions.main.ms_without_blanks(ms_text, ms_trim) AS
  CASE WHEN ms_trim THEN rtrim(replace(ms_text, ' ', ''), '0') ELSE replace(ms_text, ' ', '') END;
CREATE MACRO functions.main.ms_numeric_text(ms_v, ms_f) AS CASE WHEN upper(left(ms_f, 2)) = 'FM'
  THEN functions.main.ms_without_blanks(
    functions.main.ms_number_text(ms_v, functions.main.ms_whole(ms_f[3:]), functions.main.ms_places(functions.main.ms_whole(ms_f[3:])),
      functions.main.ms_fraction(ms_f[3:]), contains(replace(upper(ms_f), 'D', '.'), '.')),
    regexp_matches(upper(ms_f), '[.D]9+$'))
  ELSE functions.main.ms_number_text(ms_v, functions.main.ms_whole(ms_f), functions.main.ms_places(functions.main.ms_whole(ms_f)),
    functions.main.ms_fraction(ms_f), contains(replace(upper(ms_f), 'D', '.'), '.')) END;
CREATE MACRO functions.main.to_char_time(ms_a, ms_b) AS functions.main.ms_time_text(ms_a, ms_b);
CREATE MACRO functions.main.to_char_number(ms_a, ms_b) AS functions.main.ms_numeric_text(ms_a::DOUBLE, ms_b);

-- Time.
CREATE MACRO functions.main.date_bin(ms_a, ms_b, ms_c) AS time_bucket(ms_a::INTERVAL, ms_b, ms_c);
CREATE MACRO functions.main.make_interval(years := 0, months := 0, weeks := 0, days := 0, hours := 0, mins := 0, secs := 0.0) AS
  to_years(years::INTEGER) + to_months(months::INTEGER) + to_weeks(weeks::INTEGER) + to_days(days::INTEGER)
  + to_hours(hours::BIGINT) + to_minutes(mins::BIGINT) + to_microseconds((secs::DECIMAL(18, 6) * 1000000)::BIGINT);

-- Text and bytes.
CREATE MACRO functions.main.initcap(ms_a) AS array_to_string(list_transform(
  regexp_extract_all(lower(ms_a), '[\pL\pN]+|[^\pL\pN]+'), lambda ms_x: upper(ms_x[1]) || ms_x[2:]), '');
CREATE MACRO functions.main.encode
  (ms_a) AS system.main.encode(ms_a),
  (ms_a, ms_b) AS CASE lower(ms_b) WHEN 'hex' THEN lower(hex(ms_a::BLOB)) WHEN 'base64' THEN to_base64(ms_a::BLOB)
    ELSE error('unrecognized encoding: "' || ms_b || '"') END;
CREATE MACRO functions.main.decode
  (ms_a) AS system.main.decode(ms_a),
  (ms_a, ms_b) AS CASE lower(ms_b) WHEN 'hex' THEN unhex(ms_a) WHEN 'base64' THEN from_base64(ms_a)
    ELSE error('unrecognized encoding: "' || ms_b || '"') END;
CREATE MACRO functions.main.ms_octal(ms_a) AS CASE WHEN ms_a = '\\' THEN '5C'
  WHEN left(ms_a, 1) <> '\' THEN hex(ms_a)
  WHEN len(ms_a) = 4 AND ms_a[2] <= '3' THEN upper(to_base(ms_a[2]::INTEGER * 64 + ms_a[3]::INTEGER * 8 + ms_a[4]::INTEGER, 16, 2))
  ELSE error('invalid input syntax for type bytea') END;
CREATE MACRO functions.main.ms_bytes(ms_a) AS CASE
  WHEN ms_a NOT LIKE '\x%' THEN unhex(array_to_string(list_transform(regexp_extract_all(ms_a, '(?s)\\(?:\\|[0-7]{3})|.'), lambda ms_x: functions.main.ms_octal(ms_x)), ''))
  WHEN regexp_full_match(regexp_replace(ms_a[3:], '\s', '', 'g'), '([0-9A-Fa-f]{2})*') THEN unhex(regexp_replace(ms_a[3:], '\s', '', 'g'))
  WHEN ms_a IS NOT NULL THEN error('invalid input syntax for type bytea') END;
CREATE MACRO functions.main.to_bytea(ms_a) AS CASE WHEN typeof(ms_a) = 'BLOB' THEN ms_a::BLOB ELSE functions.main.ms_bytes(ms_a::VARCHAR) END;
CREATE MACRO functions.main.substring_pattern(ms_a, ms_b) AS CASE WHEN regexp_matches(ms_a, ms_b, 's') THEN
  CASE WHEN regexp_matches(ms_b, '(^|[^\\])\([^?]') THEN regexp_extract(ms_a, ms_b, 1, 's') ELSE regexp_extract(ms_a, ms_b, 0, 's') END END;

-- Numbers.
CREATE MACRO functions.main.div(ms_a, ms_b) AS ms_a // ms_b;
CREATE MACRO functions.main.width_bucket(ms_a, ms_b, ms_c, ms_d) AS
  CASE WHEN ms_a < ms_b THEN 0 WHEN ms_a >= ms_c THEN ms_d + 1 ELSE floor((ms_a - ms_b)::DOUBLE * ms_d / (ms_c - ms_b))::INTEGER + 1 END;

-- JSON.
CREATE MACRO functions.main.json_typeof(ms_a) AS CASE json_type(ms_a::JSON)
  WHEN 'OBJECT' THEN 'object' WHEN 'ARRAY' THEN 'array' WHEN 'VARCHAR' THEN 'string' WHEN 'BOOLEAN' THEN 'boolean' WHEN 'NULL' THEN 'null'
  ELSE CASE WHEN ms_a IS NOT NULL THEN 'number' END END;
