CREATE TABLE comp_cast_type (id integer PRIMARY KEY, kind varchar(32) NOT NULL);
CREATE TABLE company_type (id integer PRIMARY KEY, kind varchar(32));
CREATE TABLE info_type (id integer PRIMARY KEY, info varchar(32) NOT NULL);
CREATE TABLE kind_type (id integer PRIMARY KEY, kind varchar(15));
CREATE TABLE link_type (id integer PRIMARY KEY, link varchar(32) NOT NULL);
CREATE TABLE role_type (id integer PRIMARY KEY, role varchar(32) NOT NULL);

CREATE TABLE company_name (
  id integer PRIMARY KEY,
  name text NOT NULL,
  country_code varchar(255),
  imdb_id integer,
  name_pcode_nf varchar(5),
  name_pcode_sf varchar(5),
  md5sum varchar(32)
);
CREATE TABLE keyword (id integer PRIMARY KEY, keyword text NOT NULL, phonetic_code varchar(5));
CREATE TABLE char_name (
  id integer PRIMARY KEY,
  name text NOT NULL,
  imdb_index varchar(12),
  imdb_id integer,
  name_pcode_nf varchar(5),
  surname_pcode varchar(5),
  md5sum varchar(32)
);
CREATE TABLE name (
  id integer PRIMARY KEY,
  name text NOT NULL,
  imdb_index varchar(12),
  imdb_id integer,
  gender varchar(1),
  name_pcode_cf varchar(5),
  name_pcode_nf varchar(5),
  surname_pcode varchar(5),
  md5sum varchar(32)
);
CREATE TABLE title (
  id integer PRIMARY KEY,
  title text NOT NULL,
  imdb_index varchar(12),
  kind_id integer NOT NULL REFERENCES kind_type,
  production_year integer,
  imdb_id integer,
  phonetic_code varchar(5),
  episode_of_id integer,
  season_nr integer,
  episode_nr integer,
  series_years varchar(49),
  md5sum varchar(32)
);
CREATE TABLE aka_name (
  id integer PRIMARY KEY,
  person_id integer NOT NULL REFERENCES name,
  name text NOT NULL,
  imdb_index varchar(12),
  name_pcode_cf varchar(5),
  name_pcode_nf varchar(5),
  surname_pcode varchar(5),
  md5sum varchar(32)
);
CREATE TABLE aka_title (
  id integer PRIMARY KEY,
  movie_id integer NOT NULL REFERENCES title,
  title text NOT NULL,
  imdb_index varchar(12),
  kind_id integer NOT NULL REFERENCES kind_type,
  production_year integer,
  phonetic_code varchar(5),
  episode_of_id integer,
  season_nr integer,
  episode_nr integer,
  note text,
  md5sum varchar(32)
);
CREATE TABLE cast_info (
  id integer PRIMARY KEY,
  person_id integer NOT NULL REFERENCES name,
  movie_id integer NOT NULL REFERENCES title,
  person_role_id integer REFERENCES char_name,
  note text,
  nr_order integer,
  role_id integer NOT NULL REFERENCES role_type
);
CREATE TABLE complete_cast (
  id integer PRIMARY KEY,
  movie_id integer REFERENCES title,
  subject_id integer NOT NULL REFERENCES comp_cast_type,
  status_id integer NOT NULL REFERENCES comp_cast_type
);
CREATE TABLE movie_companies (
  id integer PRIMARY KEY,
  movie_id integer NOT NULL REFERENCES title,
  company_id integer NOT NULL REFERENCES company_name,
  company_type_id integer NOT NULL REFERENCES company_type,
  note text
);
CREATE TABLE movie_info (
  id integer PRIMARY KEY,
  movie_id integer NOT NULL REFERENCES title,
  info_type_id integer NOT NULL REFERENCES info_type,
  info text NOT NULL,
  note text
);
CREATE TABLE movie_info_idx (
  id integer PRIMARY KEY,
  movie_id integer NOT NULL REFERENCES title,
  info_type_id integer NOT NULL REFERENCES info_type,
  info text NOT NULL,
  note text
);
CREATE TABLE movie_keyword (
  id integer PRIMARY KEY,
  movie_id integer NOT NULL REFERENCES title,
  keyword_id integer NOT NULL REFERENCES keyword
);
CREATE TABLE movie_link (
  id integer PRIMARY KEY,
  movie_id integer NOT NULL REFERENCES title,
  linked_movie_id integer NOT NULL REFERENCES title,
  link_type_id integer NOT NULL REFERENCES link_type
);
CREATE TABLE person_info (
  id integer PRIMARY KEY,
  person_id integer NOT NULL REFERENCES name,
  info_type_id integer NOT NULL REFERENCES info_type,
  info text NOT NULL,
  note text
);

CREATE INDEX ON aka_name (person_id);
CREATE INDEX ON aka_title (movie_id);
CREATE INDEX ON cast_info (movie_id);
CREATE INDEX ON cast_info (person_id);
CREATE INDEX ON cast_info (person_role_id);
CREATE INDEX ON complete_cast (movie_id);
CREATE INDEX ON movie_companies (company_id);
CREATE INDEX ON movie_companies (movie_id);
CREATE INDEX ON movie_info (movie_id);
CREATE INDEX ON movie_info_idx (movie_id);
CREATE INDEX ON movie_keyword (keyword_id);
CREATE INDEX ON movie_keyword (movie_id);
CREATE INDEX ON movie_link (linked_movie_id);
CREATE INDEX ON movie_link (movie_id);
CREATE INDEX ON person_info (person_id);
