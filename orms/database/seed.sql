-- The same rows in each run: no random(), no now().
INSERT INTO users (email, name, role, active, age, balance, score, settings, interests, birthday, manager_id, created_at, deleted_at)
SELECT
  format('%s%s@%s', lower(first), i, (ARRAY['example.com', 'example.org', 'mail.test'])[1 + i % 3]),
  first || ' ' || (ARRAY['Müller', 'O''Brien', 'Smith', 'de la Cruz', 'Ångström', '100% Real', 'snake_case'])[1 + i * 5 % 7],
  (ARRAY['member', 'editor', 'member', 'admin'])[1 + i % 4]::user_role,
  i % 7 <> 0,
  CASE WHEN i % 9 <> 0 THEN 18 + i * 7 % 60 END,
  (i * 7919 % 100000) / 100.0 - 100,
  i * 1.25 / 3,
  jsonb_build_object('theme', (ARRAY['dark', 'light'])[1 + i % 2], 'notify', i % 3 = 0, 'level', i % 5),
  (ARRAY['{}', '{sql}', '{sql,"type script"}', '{music,"a, b",sports}'])[1 + i % 4]::text[],
  CASE WHEN i % 5 <> 0 THEN date '1960-02-29' + i * 211 END,
  NULL,
  timestamptz '2023-01-31 22:30:00+00' + i * interval '31 hours 7 minutes 5.123 seconds',
  CASE WHEN i % 20 = 0 THEN timestamptz '2024-06-30 12:00:00+00' + i * interval '1 hour' END
FROM (SELECT i, (ARRAY['Ada', 'bob', 'Chloé', 'Dan', 'eve', 'Zoë', 'Jürgen', 'Mia'])[1 + i % 8] AS first FROM generate_series(1, 80) AS i) AS s;
UPDATE users SET manager_id = 1 + (id - 2) / 4 WHERE id > 1;

INSERT INTO profiles (user_id, bio, website, avatar)
SELECT i, CASE WHEN i % 4 <> 0 THEN 'Bio of user ' || i || E'\nsecond line' END,
  CASE WHEN i % 3 <> 0 THEN 'https://example.com/~' || i END,
  CASE WHEN i % 6 = 0 THEN decode(md5(i::text), 'hex') END
FROM generate_series(1, 80) AS i WHERE i % 5 <> 4;

INSERT INTO posts (author_id, title, slug, body, published, views, rating, published_at, created_at)
SELECT
  1 + i * 13 % 60,
  (ARRAY['Hello', 'About', 'Why', 'zebra', 'Éclair', 'The 50%_rule'])[1 + i % 6] || ' ' || (ARRAY['World', 'SQL', 'Caches', 'ORMs', 'Types'])[1 + i % 5] || ' ' || i,
  'post-' || i,
  repeat('Text of post ' || i || '. ', 1 + i % 4),
  i % 3 <> 0,
  i::bigint * i * 104729 % 5000000000,
  CASE WHEN i % 4 <> 0 THEN (i % 50) / 10.0 END,
  CASE WHEN i % 3 <> 0 THEN timestamptz '2024-01-01 08:00:00+00' + i * interval '1 day 1 hour' END,
  timestamp '2023-12-24 18:00:00' + i * interval '23 hours 59 minutes'
FROM generate_series(1, 240) AS i;

INSERT INTO comments (post_id, user_id, body, likes, created_at)
SELECT 1 + i * 7 % 200, CASE WHEN i % 11 <> 0 THEN 1 + i * 3 % 80 END,
  (ARRAY['Nice!', 'I disagree.', 'first', 'What about NULL?', 'Thanks, very helpful', ''])[1 + i % 6],
  i * 17 % 30, timestamptz '2024-02-01 00:00:00+00' + i * interval '3 hours 20 minutes'
FROM generate_series(1, 600) AS i;

INSERT INTO tags (name, color)
SELECT name, CASE WHEN i % 3 <> 0 THEN '#' || lpad(to_hex(i::int * 700001 % 16777216), 6, '0') END
FROM unnest(ARRAY['sql', 'typescript', 'Postgres', 'node', 'cache', 'performance', 'testing', 'Ops', 'design', 'life', 'café', 'naïve']) WITH ORDINALITY AS t (name, i);

INSERT INTO post_tags (post_id, tag_id)
SELECT DISTINCT p, 1 + (p * k * 5 + k) % 12 FROM generate_series(1, 220) AS p, generate_series(1, 3) AS k WHERE (p + k) % 4 <> 0;

INSERT INTO orders (id, user_id, status, total, discount, currency, details, note, quantities, placed_at, shipped_on)
SELECT
  md5('order ' || i)::uuid,
  1 + i * 11 % 70,
  (ARRAY['pending', 'paid', 'shipped', 'shipped', 'cancelled'])[1 + i % 5]::order_status,
  (i * 3571 % 99000) / 100.0 + 5,
  CASE WHEN i % 4 = 0 THEN (i % 30) / 4.0 END,
  (ARRAY['EUR', 'USD', 'GBP'])[1 + i % 3],
  CASE WHEN i % 10 <> 0 THEN jsonb_build_object('gift', i % 6 = 0, 'address', jsonb_build_object('city', (ARRAY['Köln', 'Paris', 'Rio'])[1 + i % 3], 'zip', 10000 + i)) END,
  CASE WHEN i % 8 = 0 THEN '{"b": 1,  "a": [1, 2.50]}'::json END,
  ARRAY[i % 5, i % 3],
  timestamptz '2024-03-01 09:00:00+00' + i * interval '17 hours 11 minutes',
  CASE WHEN i % 5 IN (2, 3) THEN date '2024-03-05' + i END
FROM generate_series(1, 200) AS i;

INSERT INTO order_items (order_id, line, product, quantity, price)
SELECT md5('order ' || i)::uuid, l, (ARRAY['Lamp', 'Chair', 'desk', 'Écran', 'Mouse pad'])[1 + (i + l) % 5], 1 + i * l % 4, (i * l * 331 % 20000) / 100.0 + 1
FROM generate_series(1, 200) AS i, generate_series(1, 4) AS l WHERE l <= 1 + i % 4;

SELECT setval(pg_get_serial_sequence('users', 'id'), 1000), setval(pg_get_serial_sequence('posts', 'id'), 1000),
  setval(pg_get_serial_sequence('comments', 'id'), 1000), setval(pg_get_serial_sequence('tags', 'id'), 1000);
