-- The join graphs of the Join Order Benchmark (V. Leis et al., "How Good Are Query Optimizers, Really?", VLDB 2015) in size and
-- shape; the conditions are our own, of the same kinds: equality, lists, patterns, ranges of text, NULL tests. A family is a
-- SELECT and what is added to its WHERE for each query of it.

-- Family 1
select min(mc.note) as production_note, min(t.title) as movie_title, min(t.production_year) as movie_year
from company_type as ct, info_type as it2, movie_companies as mc, movie_info_idx as mi_idx, title as t
where ct.id = mc.company_type_id and t.id = mc.movie_id and mc.movie_id = mi_idx.movie_id and t.id = mi_idx.movie_id
  and mi_idx.info_type_id = it2.id
-- 1a
  and ct.kind = 'production companies' and it2.info = 'top 250 rank'
  and mc.note not like '%(as Metro-Goldwyn-Mayer Pictures)%'
  and (mc.note like '%(co-production)%' or mc.note like '%(presents)%')
-- 1b
  and ct.kind = 'production companies' and it2.info = 'bottom 10 rank' and t.production_year between 2005 and 2010
-- 1c
  and ct.kind <> 'distributors' and it2.info = 'votes' and mc.note is null and t.production_year > 2010

-- Family 2
select min(t.title) as movie_title
from company_name as cn, keyword as k, movie_companies as mc, movie_keyword as mk, title as t
where t.id = mc.movie_id and mc.company_id = cn.id and t.id = mk.movie_id and mk.keyword_id = k.id
  and mc.movie_id = mk.movie_id
-- 2a
  and cn.country_code = '[de]' and k.keyword = 'character-name-in-title'
-- 2b
  and cn.country_code = '[pl]' and k.keyword = 'superhero'
-- 2c
  and cn.country_code in ('[us]', '[gb]') and k.keyword like '%sequel%'

-- Family 3
select min(t.title) as movie_title
from keyword as k, movie_info as mi, movie_keyword as mk, title as t
where t.id = mi.movie_id and t.id = mk.movie_id and mk.keyword_id = k.id and mk.movie_id = mi.movie_id
-- 3a
  and k.keyword like '%sequel%' and mi.info in ('Sweden', 'Norway', 'Germany', 'Denmark', 'Swedish', 'Danish')
  and t.production_year > 2005
-- 3b
  and k.keyword like '%sequel%' and mi.info = 'Bulgaria' and t.production_year > 1990
-- 3c
  and k.keyword like '%name%' and mi.info in ('Österreich', 'USA') and t.production_year between 1950 and 2000

-- Family 4
select min(mi_idx.info) as rating, min(t.title) as movie_title
from info_type as it2, keyword as k, movie_info_idx as mi_idx, movie_keyword as mk, title as t
where t.id = mi_idx.movie_id and mi_idx.info_type_id = it2.id and t.id = mk.movie_id and mk.keyword_id = k.id
  and mk.movie_id = mi_idx.movie_id
-- 4a
  and it2.info = 'rating' and k.keyword like '%sequel%' and mi_idx.info > '5.0' and t.production_year > 2005
-- 4b
  and it2.info = 'rating' and k.keyword like '%comic%' and mi_idx.info > '9.0' and t.production_year > 1990

-- Family 5
select min(t.title) as typical_movie
from company_type as ct, info_type as it1, movie_companies as mc, movie_info as mi, title as t
where t.id = mc.movie_id and ct.id = mc.company_type_id and t.id = mi.movie_id and mi.info_type_id = it1.id
  and mc.movie_id = mi.movie_id
-- 5a
  and ct.kind = 'production companies' and mc.note like '%(theatrical)%'
  and mi.info in ('Sweden', 'Germany', 'German', 'Drama', 'Horror') and t.production_year > 2005
-- 5b
  and ct.kind = 'distributors' and mc.note like '%(VHS)%' and mc.note like '%(worldwide)%'
  and mi.info in ('USA', 'Sci-Fi')
-- 5c
  and mc.note not like '%(TV)%' and mc.note like '%(USA)%' and mi.info like 'USA:% June 20__'

-- Family 6
select min(k.keyword) as movie_keyword, min(n.name) as actor_name, min(t.title) as marvel_movie
from cast_info as ci, keyword as k, movie_keyword as mk, name as n, title as t
where t.id = ci.movie_id and ci.person_id = n.id and t.id = mk.movie_id and mk.keyword_id = k.id
  and ci.movie_id = mk.movie_id
-- 6a
  and k.keyword = 'superhero' and n.name like '%Downey%Robert%' and t.production_year > 1990
-- 6b
  and k.keyword in ('superhero', 'sequel', 'second-part', 'marvel-comics', 'based-on-comic', 'fight', 'violence')
  and t.production_year > 2005 and n.gender = 'f'
-- 6c
  and k.keyword in ('hero', 'martial-arts', 'hand-to-hand-combat') and n.name like '%Downey%Robert%'
-- 6d
  and k.keyword > 'm' and n.name < 'C' and n.gender is null

-- Family 7
select min(n.name) as of_person, min(t.title) as biography_movie
from aka_name as an, cast_info as ci, info_type as it1, link_type as lt, movie_link as ml, name as n,
  person_info as pi, title as t
where n.id = an.person_id and n.id = pi.person_id and t.id = ci.movie_id and ci.person_id = n.id
  and t.id = ml.linked_movie_id and lt.id = ml.link_type_id and it1.id = pi.info_type_id
  and pi.person_id = an.person_id and pi.person_id = ci.person_id and an.person_id = ci.person_id
  and ci.movie_id = ml.linked_movie_id
-- 7a
  and an.name like '%a%' and it1.info = 'mini biography' and lt.link = 'features'
  and n.name_pcode_cf between 'A' and 'T' and (n.gender = 'm' or (n.gender = 'f' and n.name like 'B%'))
  and pi.note = 'Volker Boehm' and t.production_year between 1980 and 2010
-- 7b
  and an.name is not null and it1.info = 'mini biography'
  and lt.link in ('references', 'referenced in', 'features', 'featured in') and n.name_pcode_cf like 'D%'

-- Family 8
select min(an.name) as actress_pseudonym, min(t.title) as movie_dubbed
from aka_name as an, cast_info as ci, company_name as cn, movie_companies as mc, name as n, role_type as rt,
  title as t
where an.person_id = n.id and t.id = ci.movie_id and ci.person_id = n.id and t.id = mc.movie_id
  and mc.company_id = cn.id and ci.role_id = rt.id and an.person_id = ci.person_id and ci.movie_id = mc.movie_id
-- 8a
  and ci.note = '(voice: English version)' and cn.country_code = '[jp]' and mc.note like '%(Japan)%'
  and mc.note not like '%(USA)%' and rt.role = 'actress'
-- 8b
  and cn.country_code = '[us]' and rt.role = 'writer'
-- 8c
  and cn.country_code = '[us]' and n.name like '%Yo%' and n.name not like '%Yu%' and rt.role in ('actor', 'actress')
  and mc.note like '%(USA)%'

-- Family 9
select min(an.name) as alternative_name, min(chn.name) as character_name, min(t.title) as movie
from aka_name as an, char_name as chn, cast_info as ci, company_name as cn, movie_companies as mc, name as n,
  role_type as rt, title as t
where t.id = ci.movie_id and ci.person_id = n.id and t.id = mc.movie_id and mc.company_id = cn.id
  and ci.movie_id = mc.movie_id and ci.role_id = rt.id and n.id = an.person_id and chn.id = ci.person_role_id
  and an.person_id = ci.person_id
-- 9a
  and ci.note in ('(voice)', '(voice: Japanese version)', '(voice) (uncredited)', '(voice: English version)')
  and cn.country_code = '[us]' and mc.note is not null and (mc.note like '%(USA)%' or mc.note like '%(worldwide)%')
  and n.gender = 'f' and n.name like '%Ang%' and rt.role = 'actress' and t.production_year between 2005 and 2014
-- 9b
  and ci.note in ('(voice)', '(uncredited)') and cn.country_code = '[us]' and n.gender = 'f' and n.name like '%An%'
  and rt.role = 'actress'

-- Family 10
select min(chn.name) as uncredited_voiced_character, min(t.title) as russian_movie
from char_name as chn, cast_info as ci, company_name as cn, company_type as ct, movie_companies as mc,
  role_type as rt, title as t
where t.id = ci.movie_id and t.id = mc.movie_id and mc.company_id = cn.id and ci.movie_id = mc.movie_id
  and chn.id = ci.person_role_id and rt.id = ci.role_id and ct.id = mc.company_type_id
-- 10a
  and ci.note like '%(voice)%' and ci.note like '%(uncredited)%' and cn.country_code = '[ru]' and rt.role = 'actor'
  and t.production_year > 1960
-- 10b
  and ci.note like '%(producer)%' and cn.country_code = '[us]' and t.production_year > 1990

-- Family 11
select min(cn.name) as from_company, min(lt.link) as movie_link_type, min(t.title) as sequel
from company_name as cn, company_type as ct, keyword as k, link_type as lt, movie_companies as mc,
  movie_keyword as mk, movie_link as ml, title as t
where lt.id = ml.link_type_id and ml.movie_id = t.id and t.id = mc.movie_id and mc.company_id = cn.id
  and t.id = mk.movie_id and mk.keyword_id = k.id and ct.id = mc.company_type_id and ml.movie_id = mk.movie_id
  and ml.movie_id = mc.movie_id and mk.movie_id = mc.movie_id
-- 11a
  and cn.country_code <> '[pl]' and (cn.name like '%Film%' or cn.name like '%Warner%')
  and ct.kind = 'production companies' and k.keyword = 'sequel' and lt.link like '%follow%' and mc.note is null
  and t.production_year between 1950 and 2000
-- 11b
  and cn.country_code <> '[pl]' and (cn.name like '%Film%' or cn.name like 'Fox%')
  and k.keyword in ('sequel', 'revenge', 'based-on-novel') and lt.link like '%follows%' and t.title like '%Money%'
-- 11c
  and (cn.name like '20th Century Fox%' or cn.name like 'Universal%') and ct.kind is not null
  and k.keyword in ('sequel', 'revenge') and t.production_year > 1950

-- Family 12
select min(cn.name) as movie_company, min(mi_idx.info) as rating, min(t.title) as drama_horror_movie
from company_name as cn, company_type as ct, info_type as it1, info_type as it2, movie_companies as mc,
  movie_info as mi, movie_info_idx as mi_idx, title as t
where t.id = mi.movie_id and mi.info_type_id = it1.id and t.id = mi_idx.movie_id and mi_idx.info_type_id = it2.id
  and t.id = mc.movie_id and mc.company_id = cn.id and ct.id = mc.company_type_id and mc.movie_id = mi.movie_id
  and mc.movie_id = mi_idx.movie_id and mi.movie_id = mi_idx.movie_id
-- 12a
  and cn.country_code = '[us]' and ct.kind = 'production companies' and it1.info = 'genres' and it2.info = 'rating'
  and mi.info in ('Drama', 'Horror') and mi_idx.info > '6.0' and t.production_year between 2005 and 2012
-- 12b
  and cn.country_code = '[us]' and ct.kind in ('production companies', 'distributors') and it1.info = 'budget'
  and it2.info = 'bottom 10 rank' and t.production_year > 2000 and (t.title like 'Birdemic%' or t.title like '%Love%')
-- 12c
  and cn.country_code = '[us]' and it1.info = 'genres' and it2.info = 'rating'
  and mi.info in ('Drama', 'Horror', 'Western', 'Family') and mi_idx.info > '7.0'

-- Family 13
select min(mi.info) as release_date, min(mi_idx.info) as rating, min(t.title) as german_movie
from company_name as cn, company_type as ct, info_type as it1, info_type as it2, kind_type as kt,
  movie_companies as mc, movie_info as mi, movie_info_idx as mi_idx, title as t
where t.id = mi.movie_id and mi.info_type_id = it1.id and t.id = mi_idx.movie_id and mi_idx.info_type_id = it2.id
  and t.id = mc.movie_id and mc.company_id = cn.id and kt.id = t.kind_id and ct.id = mc.company_type_id
  and mi.movie_id = mi_idx.movie_id and mi.movie_id = mc.movie_id and mi_idx.movie_id = mc.movie_id
-- 13a
  and cn.country_code = '[de]' and ct.kind = 'production companies' and it2.info = 'rating'
  and it1.info = 'release dates' and kt.kind = 'movie'
-- 13b
  and cn.country_code = '[us]' and it2.info = 'rating' and it1.info = 'release dates' and kt.kind = 'movie'
  and t.title <> '' and (t.title like '%Champion%' or t.title like '%Loser%')

-- Family 14
select min(mi_idx.info) as rating, min(t.title) as northern_dark_movie
from info_type as it1, info_type as it2, keyword as k, kind_type as kt, movie_info as mi, movie_info_idx as mi_idx,
  movie_keyword as mk, title as t
where t.id = mi.movie_id and mi.info_type_id = it1.id and t.id = mi_idx.movie_id and mi_idx.info_type_id = it2.id
  and t.id = mk.movie_id and mk.keyword_id = k.id and kt.id = t.kind_id and mk.movie_id = mi.movie_id
  and mk.movie_id = mi_idx.movie_id and mi.movie_id = mi_idx.movie_id
-- 14a
  and it1.info = 'countries' and it2.info = 'rating'
  and k.keyword in ('murder', 'murder-in-title', 'blood', 'violence') and kt.kind = 'movie'
  and mi.info in ('Sweden', 'Norway', 'Germany', 'Denmark', 'USA') and mi_idx.info < '8.5'
  and t.production_year > 2000
-- 14b
  and it1.info = 'countries' and it2.info = 'rating' and k.keyword is not null and kt.kind in ('movie', 'episode')
  and mi.info in ('Sweden', 'Österreich') and mi_idx.info > '6.0'
  and (t.title like '%murder%' or t.title like '%Murder%' or t.title like '%Mord%')

-- Family 15
select min(mi.info) as release_date, min(t.title) as internet_movie
from aka_title as at, company_name as cn, company_type as ct, info_type as it1, keyword as k, movie_companies as mc,
  movie_info as mi, movie_keyword as mk, title as t
where t.id = at.movie_id and t.id = mi.movie_id and mi.info_type_id = it1.id and t.id = mk.movie_id
  and mk.keyword_id = k.id and t.id = mc.movie_id and mc.company_id = cn.id and ct.id = mc.company_type_id
  and mk.movie_id = mi.movie_id and mk.movie_id = mc.movie_id and mk.movie_id = at.movie_id
  and mi.movie_id = mc.movie_id and mi.movie_id = at.movie_id and mc.movie_id = at.movie_id
-- 15a
  and cn.country_code = '[us]' and it1.info = 'release dates' and mc.note like '%(200%)%'
  and mc.note like '%(worldwide)%' and mi.note like '%internet%' and mi.info like 'USA:% 200%'
  and t.production_year > 1990
-- 15b
  and cn.country_code = '[us]' and it1.info = 'release dates' and mi.note like '%internet%' and mi.info is not null
  and (mi.info like 'USA:% 199%' or mi.info like 'USA:% 200%')

-- Family 16
select min(an.name) as cool_actor_pseudonym, min(t.title) as series_named_after_char
from aka_name as an, cast_info as ci, company_name as cn, keyword as k, movie_companies as mc, movie_keyword as mk,
  name as n, title as t
where an.person_id = n.id and t.id = ci.movie_id and ci.person_id = n.id and t.id = mk.movie_id
  and mk.keyword_id = k.id and t.id = mc.movie_id and mc.company_id = cn.id and an.person_id = ci.person_id
  and ci.movie_id = mc.movie_id and ci.movie_id = mk.movie_id and mc.movie_id = mk.movie_id
-- 16a
  and cn.country_code = '[us]' and k.keyword = 'character-name-in-title' and t.episode_nr >= 50 and t.episode_nr < 100
-- 16b
  and cn.country_code = '[us]' and k.keyword = 'character-name-in-title'
-- 16c
  and k.keyword = 'superhero' and t.episode_nr < 100 and t.season_nr <> 3

-- Family 17
select min(n.name) as member_in_charnamed_movie
from cast_info as ci, company_name as cn, keyword as k, movie_companies as mc, movie_keyword as mk, name as n,
  title as t
where t.id = ci.movie_id and ci.person_id = n.id and t.id = mk.movie_id and mk.keyword_id = k.id
  and t.id = mc.movie_id and mc.company_id = cn.id and ci.movie_id = mc.movie_id and ci.movie_id = mk.movie_id
  and mc.movie_id = mk.movie_id
-- 17a
  and cn.country_code = '[us]' and k.keyword = 'character-name-in-title' and n.name like 'B%'
-- 17b
  and k.keyword = 'character-name-in-title' and n.name like 'Z%'
-- 17c
  and k.keyword = 'superhero' and n.name like '%Bert%'
-- 17d
  and k.keyword = 'superhero' and n.name like 'Å%'

-- Family 18
select min(mi.info) as movie_budget, min(mi_idx.info) as movie_votes, min(t.title) as movie_title
from cast_info as ci, info_type as it1, info_type as it2, movie_info as mi, movie_info_idx as mi_idx, name as n,
  title as t
where t.id = ci.movie_id and ci.person_id = n.id and t.id = mi.movie_id and mi.info_type_id = it1.id
  and t.id = mi_idx.movie_id and mi_idx.info_type_id = it2.id and ci.movie_id = mi.movie_id
  and ci.movie_id = mi_idx.movie_id and mi.movie_id = mi_idx.movie_id
-- 18a
  and ci.note in ('(producer)', '(executive producer)') and it1.info = 'budget' and it2.info = 'votes'
  and n.gender = 'm' and n.name like '%Tim%'
-- 18b
  and ci.note in ('(writer)', '(head writer)', '(story)') and it1.info = 'genres' and it2.info = 'rating'
  and mi.info in ('Horror', 'Thriller') and mi.note is null and mi_idx.info > '8.0' and n.gender is not null
  and n.gender = 'f' and t.production_year between 2008 and 2014

-- Family 19
select min(n.name) as voicing_actress, min(t.title) as voiced_movie
from aka_name as an, char_name as chn, cast_info as ci, company_name as cn, info_type as it1, movie_companies as mc,
  movie_info as mi, name as n, role_type as rt, title as t
where t.id = mi.movie_id and mi.info_type_id = it1.id and t.id = mc.movie_id and mc.company_id = cn.id
  and t.id = ci.movie_id and ci.person_id = n.id and mc.movie_id = ci.movie_id and mc.movie_id = mi.movie_id
  and mi.movie_id = ci.movie_id and rt.id = ci.role_id and n.id = an.person_id and ci.person_id = an.person_id
  and chn.id = ci.person_role_id
-- 19a
  and ci.note in ('(voice)', '(voice: Japanese version)', '(voice) (uncredited)', '(voice: English version)')
  and cn.country_code = '[us]' and it1.info = 'release dates' and mi.info is not null
  and (mi.info like 'Japan:%200%' or mi.info like 'USA:%200%') and n.gender = 'f' and n.name like '%An%'
  and rt.role = 'actress'
-- 19b
  and ci.note like '(voice%' and it1.info = 'release dates' and n.name like '%Angel%'
  and t.production_year between 2000 and 2010

-- Family 20
select min(t.title) as complete_downey_ironman_movie
from complete_cast as cc, comp_cast_type as cct1, comp_cast_type as cct2, char_name as chn, cast_info as ci,
  keyword as k, kind_type as kt, movie_keyword as mk, name as n, title as t
where kt.id = t.kind_id and t.id = mk.movie_id and mk.keyword_id = k.id and t.id = ci.movie_id and ci.person_id = n.id
  and t.id = cc.movie_id and cc.subject_id = cct1.id and cc.status_id = cct2.id and mk.movie_id = ci.movie_id
  and mk.movie_id = cc.movie_id and ci.movie_id = cc.movie_id and chn.id = ci.person_role_id
-- 20a
  and cct1.kind = 'cast' and cct2.kind like '%complete%' and chn.name not like '%Sherlock%'
  and (chn.name like '%Tony%Stark%' or chn.name like '%Iron%Man%')
  and k.keyword in ('superhero', 'sequel', 'marvel-comics', 'based-on-comic') and kt.kind = 'movie'
  and t.production_year > 1950
-- 20b
  and cct1.kind = 'cast' and cct2.kind = 'complete+verified' and chn.name is not null
  and (chn.name like '%man%' or chn.name like '%Man%')
  and k.keyword in ('superhero', 'web', 'fight', 'violence', 'magnet') and kt.kind = 'movie'
  and n.name like '%Downey%'

-- Family 21
select min(cn.name) as company_name, min(lt.link) as link_type, min(t.title) as western_follow_up
from company_name as cn, company_type as ct, keyword as k, link_type as lt, movie_companies as mc, movie_info as mi,
  movie_keyword as mk, movie_link as ml, title as t
where lt.id = ml.link_type_id and ml.movie_id = t.id and t.id = mk.movie_id and mk.keyword_id = k.id
  and t.id = mc.movie_id and mc.company_id = cn.id and ct.id = mc.company_type_id and mi.movie_id = t.id
  and ml.movie_id = mk.movie_id and ml.movie_id = mc.movie_id and mk.movie_id = mc.movie_id
  and ml.movie_id = mi.movie_id and mk.movie_id = mi.movie_id and mc.movie_id = mi.movie_id
-- 21a
  and cn.country_code <> '[pl]' and (cn.name like '%Film%' or cn.name like '%Warner%')
  and ct.kind = 'production companies' and k.keyword = 'sequel' and lt.link like '%follow%'
  and mi.info in ('Sweden', 'Germany', 'Swedish', 'German', 'English', 'USA')
  and t.production_year between 1950 and 2010
-- 21b
  and cn.country_code is null and lt.link not like '%follow%' and k.keyword <> 'sequel' and mi.info like '%a%'
  and t.production_year is not null

-- Family 22
select min(cn.name) as movie_company, min(mi_idx.info) as rating, min(t.title) as western_violent_movie
from company_name as cn, company_type as ct, info_type as it1, info_type as it2, keyword as k, kind_type as kt,
  movie_companies as mc, movie_info as mi, movie_info_idx as mi_idx, movie_keyword as mk, title as t
where kt.id = t.kind_id and t.id = mi.movie_id and mi.info_type_id = it1.id and t.id = mk.movie_id
  and mk.keyword_id = k.id and t.id = mi_idx.movie_id and mi_idx.info_type_id = it2.id and t.id = mc.movie_id
  and mc.company_id = cn.id and ct.id = mc.company_type_id and mk.movie_id = mi.movie_id
  and mk.movie_id = mi_idx.movie_id and mk.movie_id = mc.movie_id and mi.movie_id = mi_idx.movie_id
  and mi.movie_id = mc.movie_id and mc.movie_id = mi_idx.movie_id
-- 22a
  and cn.country_code <> '[us]' and it1.info = 'countries' and it2.info = 'rating'
  and k.keyword in ('murder', 'murder-in-title', 'blood', 'violence') and kt.kind in ('movie', 'episode')
  and mc.note not like '%(TV)%' and mc.note like '%(200%)%' and mi.info in ('Germany', 'German', 'USA', 'France')
  and mi_idx.info < '7.0' and t.production_year > 2000
-- 22b
  and cn.country_code <> '[us]' and it1.info = 'countries' and it2.info = 'rating' and k.keyword like 'murder%'
  and kt.kind in ('movie', 'episode') and mi.info >= 'M' and mi_idx.info between '2.0' and '8.5'

-- Family 23
select min(kt.kind) as movie_kind, min(t.title) as complete_us_internet_movie
from complete_cast as cc, comp_cast_type as cct1, company_name as cn, company_type as ct, info_type as it1,
  keyword as k, kind_type as kt, movie_companies as mc, movie_info as mi, movie_keyword as mk, title as t
where kt.id = t.kind_id and t.id = mi.movie_id and mi.info_type_id = it1.id and t.id = mk.movie_id
  and mk.keyword_id = k.id and t.id = mc.movie_id and mc.company_id = cn.id and t.id = cc.movie_id
  and cct1.id = cc.status_id and ct.id = mc.company_type_id and mk.movie_id = mi.movie_id
  and mk.movie_id = mc.movie_id and mk.movie_id = cc.movie_id and mi.movie_id = mc.movie_id
  and mi.movie_id = cc.movie_id and mc.movie_id = cc.movie_id
-- 23a
  and cct1.kind = 'complete+verified' and cn.country_code = '[us]' and it1.info = 'release dates'
  and kt.kind = 'movie' and mi.note like '%internet%' and mi.info is not null
  and (mi.info like 'USA:% 199%' or mi.info like 'USA:% 200%') and t.production_year > 2000
-- 23b
  and cct1.kind = 'complete' and it1.info in ('release dates', 'genres')
  and k.keyword in ('nerd', 'loss-of-friend', 'dream', 'death')
  and kt.kind in ('movie', 'tv movie', 'video movie', 'video game') and mi.note is not null

-- Family 24
select min(chn.name) as voiced_char_name, min(n.name) as voicing_actress_name, min(t.title) as voiced_action_movie
from aka_name as an, char_name as chn, cast_info as ci, company_name as cn, info_type as it1, keyword as k,
  movie_companies as mc, movie_info as mi, movie_keyword as mk, name as n, role_type as rt, title as t
where t.id = mi.movie_id and mi.info_type_id = it1.id and t.id = mc.movie_id and mc.company_id = cn.id
  and t.id = ci.movie_id and ci.person_id = n.id and t.id = mk.movie_id and mk.keyword_id = k.id
  and mc.movie_id = ci.movie_id and mc.movie_id = mi.movie_id and mc.movie_id = mk.movie_id
  and mi.movie_id = ci.movie_id and mi.movie_id = mk.movie_id and ci.movie_id = mk.movie_id and rt.id = ci.role_id
  and n.id = an.person_id and ci.person_id = an.person_id and chn.id = ci.person_role_id
-- 24a
  and ci.note like '(voice%' and cn.country_code = '[us]' and it1.info = 'release dates'
  and k.keyword in ('hero', 'martial-arts', 'hand-to-hand-combat', 'computer-animation') and mi.info is not null
  and n.gender = 'f' and n.name like '%An%' and rt.role = 'actress'
-- 24b
  and it1.info = 'release dates' and k.keyword in ('hero', 'superhero') and mi.info like 'Japan:%' and n.gender = 'f'
  and t.production_year > 1990

-- Family 25
select min(mi.info) as movie_budget, min(mi_idx.info) as movie_votes, min(n.name) as male_writer,
  min(t.title) as violent_movie_title
from cast_info as ci, info_type as it1, info_type as it2, keyword as k, movie_info as mi, movie_info_idx as mi_idx,
  movie_keyword as mk, name as n, title as t
where t.id = mi.movie_id and mi.info_type_id = it1.id and t.id = mi_idx.movie_id and mi_idx.info_type_id = it2.id
  and t.id = ci.movie_id and ci.person_id = n.id and t.id = mk.movie_id and mk.keyword_id = k.id
  and ci.movie_id = mi.movie_id and ci.movie_id = mi_idx.movie_id and ci.movie_id = mk.movie_id
  and mi.movie_id = mi_idx.movie_id and mi.movie_id = mk.movie_id and mi_idx.movie_id = mk.movie_id
-- 25a
  and ci.note in ('(writer)', '(head writer)', '(story)', '(screenplay)') and it1.info = 'genres'
  and it2.info = 'votes' and k.keyword in ('murder', 'blood', 'gore', 'death', 'female-nudity') and mi.info = 'Horror'
  and n.gender = 'm'
-- 25b
  and ci.note in ('(writer)', '(story)') and it1.info = 'genres' and it2.info = 'votes'
  and k.keyword in ('murder', 'violence', 'blood')
  and mi.info in ('Horror', 'Action', 'Sci-Fi', 'Thriller', 'Crime', 'War') and n.gender = 'm' and t.title like 'V%'

-- Family 26
select min(chn.name) as character_name, min(mi_idx.info) as rating, min(n.name) as playing_actor,
  min(t.title) as complete_hero_movie
from complete_cast as cc, comp_cast_type as cct1, comp_cast_type as cct2, char_name as chn, cast_info as ci,
  info_type as it2, keyword as k, kind_type as kt, movie_info_idx as mi_idx, movie_keyword as mk, name as n,
  title as t
where kt.id = t.kind_id and t.id = mk.movie_id and mk.keyword_id = k.id and t.id = ci.movie_id and ci.person_id = n.id
  and t.id = cc.movie_id and cc.subject_id = cct1.id and cc.status_id = cct2.id and t.id = mi_idx.movie_id
  and mi_idx.info_type_id = it2.id and mk.movie_id = ci.movie_id and mk.movie_id = cc.movie_id
  and mk.movie_id = mi_idx.movie_id and ci.movie_id = cc.movie_id and ci.movie_id = mi_idx.movie_id
  and cc.movie_id = mi_idx.movie_id and chn.id = ci.person_role_id
-- 26a
  and cct1.kind = 'cast' and cct2.kind like '%complete%' and chn.name is not null
  and (chn.name like '%man%' or chn.name like '%Man%') and it2.info = 'rating'
  and k.keyword in ('superhero', 'marvel-comics', 'based-on-comic', 'fight') and kt.kind = 'movie'
  and mi_idx.info > '7.0' and t.production_year > 2000
-- 26b
  and cct1.kind = 'cast' and it2.info = 'rating' and k.keyword in ('superhero', 'web', 'magnet') and kt.kind = 'movie'
  and mi_idx.info > '8.0'

-- Family 27
select min(cn.name) as producing_company, min(lt.link) as link_type, min(t.title) as complete_western_sequel
from complete_cast as cc, comp_cast_type as cct1, comp_cast_type as cct2, company_name as cn, company_type as ct,
  keyword as k, link_type as lt, movie_companies as mc, movie_info as mi, movie_keyword as mk, movie_link as ml,
  title as t
where lt.id = ml.link_type_id and ml.movie_id = t.id and t.id = mk.movie_id and mk.keyword_id = k.id
  and t.id = mc.movie_id and mc.company_id = cn.id and t.id = cc.movie_id and cc.subject_id = cct1.id
  and cc.status_id = cct2.id and ct.id = mc.company_type_id and mi.movie_id = t.id and ml.movie_id = mk.movie_id
  and ml.movie_id = mc.movie_id and ml.movie_id = mi.movie_id and ml.movie_id = cc.movie_id
  and mc.movie_id = cc.movie_id
-- 27a
  and cct1.kind in ('cast', 'crew') and cct2.kind = 'complete' and cn.country_code <> '[pl]'
  and (cn.name like '%Film%' or cn.name like '%Warner%') and lt.link like '%follow%'
  and mi.info in ('Sweden', 'Germany', 'Swedish', 'German', 'English', 'Drama')
  and t.production_year between 1950 and 2010
-- 27b
  and cct1.kind = 'cast' and cct2.kind like 'complete%' and k.keyword = 'superhero' and lt.link is not null
  and mi.note is null

-- Family 28
select min(cn.name) as movie_company, min(mi_idx.info) as rating, min(t.title) as complete_euro_dark_movie
from complete_cast as cc, comp_cast_type as cct1, comp_cast_type as cct2, company_name as cn, company_type as ct,
  info_type as it1, info_type as it2, keyword as k, kind_type as kt, movie_companies as mc, movie_info as mi,
  movie_info_idx as mi_idx, movie_keyword as mk, title as t
where kt.id = t.kind_id and t.id = mi.movie_id and mi.info_type_id = it1.id and t.id = mk.movie_id
  and mk.keyword_id = k.id and t.id = mi_idx.movie_id and mi_idx.info_type_id = it2.id and t.id = mc.movie_id
  and mc.company_id = cn.id and t.id = cc.movie_id and cc.subject_id = cct1.id and cc.status_id = cct2.id
  and ct.id = mc.company_type_id and mk.movie_id = mi.movie_id and mk.movie_id = mi_idx.movie_id
  and mk.movie_id = mc.movie_id and mk.movie_id = cc.movie_id and mi.movie_id = mi_idx.movie_id
  and mi.movie_id = mc.movie_id and mc.movie_id = cc.movie_id
-- 28a
  and cct1.kind = 'crew' and cct2.kind <> 'complete+verified' and cn.country_code <> '[us]' and it1.info = 'countries'
  and it2.info = 'rating' and k.keyword in ('murder', 'murder-in-title', 'blood', 'violence')
  and kt.kind in ('movie', 'episode') and mi_idx.info < '8.5' and t.production_year > 2000

-- Family 29
select min(chn.name) as voiced_char, min(n.name) as voicing_actress, min(t.title) as voiced_animation
from aka_name as an, complete_cast as cc, comp_cast_type as cct1, comp_cast_type as cct2, char_name as chn,
  cast_info as ci, company_name as cn, info_type as it1, info_type as it3, keyword as k, movie_companies as mc,
  movie_info as mi, movie_keyword as mk, name as n, person_info as pi, role_type as rt, title as t
where t.id = mi.movie_id and mi.info_type_id = it1.id and t.id = mc.movie_id and mc.company_id = cn.id
  and t.id = ci.movie_id and ci.person_id = n.id and t.id = mk.movie_id and mk.keyword_id = k.id
  and t.id = cc.movie_id and cc.subject_id = cct1.id and cc.status_id = cct2.id and mc.movie_id = ci.movie_id
  and mc.movie_id = mi.movie_id and mc.movie_id = mk.movie_id and mc.movie_id = cc.movie_id
  and mi.movie_id = ci.movie_id and ci.movie_id = mk.movie_id and rt.id = ci.role_id and n.id = an.person_id
  and ci.person_id = an.person_id and chn.id = ci.person_role_id and n.id = pi.person_id
  and ci.person_id = pi.person_id and it3.id = pi.info_type_id
-- 29a
  and cct1.kind = 'cast' and cct2.kind = 'complete+verified' and ci.note like '(voice%' and cn.country_code = '[us]'
  and it1.info = 'release dates' and it3.info = 'trivia' and n.gender = 'f' and rt.role = 'actress'
-- 29b
  and cct1.kind = 'cast' and ci.note is not null and it1.info = 'genres' and it3.info = 'height'
  and k.keyword = 'superhero' and n.name like '%An%' and rt.role = 'actor'

-- Family 30
select min(mi.info) as movie_budget, min(mi_idx.info) as movie_votes, min(n.name) as writer,
  min(t.title) as complete_violent_movie
from complete_cast as cc, comp_cast_type as cct1, comp_cast_type as cct2, cast_info as ci, info_type as it1,
  info_type as it2, keyword as k, movie_info as mi, movie_info_idx as mi_idx, movie_keyword as mk, name as n,
  title as t
where t.id = mi.movie_id and mi.info_type_id = it1.id and t.id = mi_idx.movie_id and mi_idx.info_type_id = it2.id
  and t.id = ci.movie_id and ci.person_id = n.id and t.id = mk.movie_id and mk.keyword_id = k.id
  and t.id = cc.movie_id and cc.subject_id = cct1.id and cc.status_id = cct2.id and ci.movie_id = mi.movie_id
  and ci.movie_id = mi_idx.movie_id and ci.movie_id = mk.movie_id and ci.movie_id = cc.movie_id
  and mi.movie_id = mi_idx.movie_id and mi.movie_id = mk.movie_id and mk.movie_id = cc.movie_id
-- 30a
  and cct1.kind in ('cast', 'crew') and cct2.kind = 'complete+verified'
  and ci.note in ('(writer)', '(head writer)', '(story)', '(screenplay)') and it1.info = 'genres'
  and it2.info = 'votes' and k.keyword in ('murder', 'violence', 'blood', 'gore', 'death')
  and mi.info in ('Horror', 'Thriller') and n.gender = 'm' and t.production_year > 2000

-- Family 31
select min(mi.info) as movie_budget, min(mi_idx.info) as movie_votes, min(n.name) as writer,
  min(t.title) as violent_liongate_movie
from cast_info as ci, company_name as cn, info_type as it1, info_type as it2, keyword as k, movie_companies as mc,
  movie_info as mi, movie_info_idx as mi_idx, movie_keyword as mk, name as n, title as t
where t.id = mi.movie_id and mi.info_type_id = it1.id and t.id = mi_idx.movie_id and mi_idx.info_type_id = it2.id
  and t.id = ci.movie_id and ci.person_id = n.id and t.id = mk.movie_id and mk.keyword_id = k.id
  and t.id = mc.movie_id and mc.company_id = cn.id and ci.movie_id = mi.movie_id and ci.movie_id = mi_idx.movie_id
  and ci.movie_id = mk.movie_id and ci.movie_id = mc.movie_id and mi.movie_id = mi_idx.movie_id
  and mk.movie_id = mc.movie_id
-- 31a
  and ci.note in ('(writer)', '(head writer)', '(story)', '(screenplay)') and cn.name like 'Lionsgate%'
  and it1.info = 'genres' and it2.info = 'votes'
  and k.keyword in ('murder', 'violence', 'blood', 'gore', 'death', 'hospital')
  and mi.info in ('Horror', 'Thriller', 'Drama') and n.gender = 'm'
-- 31b
  and cn.name like 'Lionsgate%' and it1.info = 'genres' and it2.info = 'rating' and mc.note is null
  and k.keyword like '%e%' and mi_idx.info >= '9'

-- Family 32
select min(lt.link) as link_type, min(t1.title) as first_movie, min(t2.title) as second_movie
from keyword as k, link_type as lt, movie_keyword as mk, movie_link as ml, title as t1, title as t2
where mk.keyword_id = k.id and t1.id = mk.movie_id and ml.movie_id = t1.id and ml.linked_movie_id = t2.id
  and lt.id = ml.link_type_id and mk.movie_id = t1.id
-- 32a
  and k.keyword = '10,000-mile-club'
-- 32b
  and k.keyword = 'character-name-in-title'
-- 32c
  and k.keyword = 'dream' and t1.production_year < t2.production_year and t1.title <> t2.title

-- Family 33
select min(cn1.name) as first_company, min(cn2.name) as second_company, min(mi_idx1.info) as first_rating,
  min(mi_idx2.info) as second_rating, min(t1.title) as first_movie, min(t2.title) as second_movie
from company_name as cn1, company_name as cn2, info_type as it1, info_type as it2, kind_type as kt1, kind_type as kt2,
  link_type as lt, movie_companies as mc1, movie_companies as mc2, movie_info_idx as mi_idx1,
  movie_info_idx as mi_idx2, movie_link as ml, title as t1, title as t2
where lt.id = ml.link_type_id and t1.id = ml.movie_id and t2.id = ml.linked_movie_id and it1.id = mi_idx1.info_type_id
  and t1.id = mi_idx1.movie_id and kt1.id = t1.kind_id and cn1.id = mc1.company_id and t1.id = mc1.movie_id
  and ml.movie_id = mi_idx1.movie_id and ml.movie_id = mc1.movie_id and it2.id = mi_idx2.info_type_id
  and t2.id = mi_idx2.movie_id and kt2.id = t2.kind_id and cn2.id = mc2.company_id and t2.id = mc2.movie_id
  and ml.linked_movie_id = mi_idx2.movie_id and ml.linked_movie_id = mc2.movie_id
-- 33a
  and cn1.country_code = '[us]' and it1.info = 'rating' and it2.info = 'rating' and kt1.kind = 'tv series'
  and kt2.kind = 'movie' and mi_idx2.info < '9.0'
-- 33b
  and cn1.country_code <> '[us]' and it1.info = 'rating' and it2.info = 'votes' and kt1.kind in ('movie', 'episode')
  and lt.link in ('follows', 'followed by', 'remake of') and mi_idx1.info < '5'
  and t2.production_year between 1970 and 2014
