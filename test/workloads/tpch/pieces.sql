-- The expressions of TPC-H's queries, each over one table: what stays in the way of a query once its joins and subqueries do not.

-- Q1_1: interval
select count(*) from lineitem where l_shipdate <= date '1998-12-01' - interval '90' day

-- Q1_2: date only
select count(*) from lineitem where l_shipdate <= date '1998-12-01'

-- Q1_3: date+int
select count(*) from lineitem where l_shipdate <= date '1998-12-01' - 90

-- Q1_4: sum(numeric)
select l_returnflag, l_linestatus, sum(l_quantity) as s from lineitem group by l_returnflag, l_linestatus order by l_returnflag, l_linestatus

-- Q1_5: sum(a*(1-b))
select sum(l_extendedprice * (1 - l_discount)) as s from lineitem

-- Q1_6: sum(a*(1-b)*(1+c))
select sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) as s from lineitem

-- Q1_7: avg(numeric)
select avg(l_quantity) as s from lineitem

-- Q1_8: a*(1-b)
select l_extendedprice * (1 - l_discount) as s from lineitem

-- Q1_9: a*b
select l_extendedprice * l_discount as s from lineitem

-- Q6_1: sum(a*b)
select sum(l_extendedprice * l_discount) as revenue from lineitem

-- Q6_2: between numeric
select count(*) from lineitem where l_discount between 0.06 - 0.01 and 0.06 + 0.01 and l_quantity < 24

-- Q6_3: interval year
select count(*) from lineitem where l_shipdate >= date '1994-01-01' and l_shipdate < date '1994-01-01' + interval '1' year

-- Q4_1: interval month
select count(*) from orders where o_orderdate < date '1993-07-01' + interval '3' month

-- Q4_2: date < date
select count(*) from lineitem where l_commitdate < l_receiptdate

-- Q2_1: like
select p_partkey from part where p_size = 15 and p_type like '%BRASS'

-- Q2_2: char(25) =
select r_regionkey from region where r_name = 'EUROPE'

-- Q2_3: order char
select s_acctbal, s_name from supplier order by s_acctbal desc, s_name limit 100

-- Q2_4: min(numeric)
select min(ps_supplycost) from partsupp

-- Q3_1: order by agg
select l_orderkey, sum(l_extendedprice * (1 - l_discount)) as revenue from lineitem where l_shipdate > date '1995-03-15' group by l_orderkey order by revenue desc limit 10

-- Q7_1: extract
select extract(year from l_shipdate) as y from lineitem

-- Q7_2: group by extract
select extract(year from l_shipdate) as y, count(*) as n from lineitem group by extract(year from l_shipdate) order by y

-- Q7_3: date between
select count(*) from lineitem where l_shipdate between date '1995-01-01' and date '1996-12-31'

-- Q8_1: sum(case)
select sum(case when l_returnflag = 'R' then l_extendedprice * (1 - l_discount) else 0 end) as s from lineitem

-- Q8_2: sum/sum
select sum(l_tax) / sum(l_quantity) as s from lineitem

-- Q9_1: a*(1-b)-c*d
select sum(l_extendedprice * (1 - l_discount) - l_tax * l_quantity) as s from lineitem

-- Q11_1: sum(numeric*int)
select ps_partkey, sum(ps_supplycost * ps_availqty) as value from partsupp group by ps_partkey order by value desc

-- Q11_2: having const
select ps_partkey, sum(ps_supplycost * ps_availqty) as value from partsupp group by ps_partkey having sum(ps_supplycost * ps_availqty) > 1000000 order by value desc

-- Q11_3: sum*0.0001
select sum(ps_supplycost) * 0.0001 as v from partsupp

-- Q12_1: sum(case 1/0)
select l_shipmode, sum(case when l_linenumber = 1 or l_linenumber = 2 then 1 else 0 end) as n from lineitem where l_shipmode in ('MAIL', 'SHIP') group by l_shipmode order by l_shipmode

-- Q13_1: not like
select count(*) from orders where o_comment not like '%special%requests%'

-- Q13_2: count group
select o_custkey, count(o_orderkey) as n from orders group by o_custkey

-- Q14_1: 100.00*sum/sum
select 100.00 * sum(case when l_shipmode like 'A%' then l_extendedprice * (1 - l_discount) else 0 end) / sum(l_extendedprice * (1 - l_discount)) as r from lineitem

-- Q16_1: count distinct
select ps_partkey, count(distinct ps_suppkey) as n from partsupp group by ps_partkey order by n desc, ps_partkey

-- Q17_1: sum/7.0
select sum(l_extendedprice) / 7.0 as a from lineitem

-- Q17_2: 0.2*avg
select l_partkey, 0.2 * avg(l_quantity) as a from lineitem group by l_partkey

-- Q18_1: having sum>300
select l_orderkey from lineitem group by l_orderkey having sum(l_quantity) > 300

-- Q18_2: unnamed sum
select l_orderkey, sum(l_quantity) from lineitem group by l_orderkey order by l_orderkey

-- Q19_1: and/or
select sum(l_extendedprice) as revenue from lineitem where (l_quantity >= 1 and l_quantity <= 1 + 10 and l_shipmode in ('AIR', 'AIR REG') and l_shipinstruct = 'DELIVER IN PERSON') or (l_quantity >= 10 and l_quantity <= 10 + 10)

-- Q20_1: 0.5*sum
select l_partkey, 0.5 * sum(l_quantity) as h from lineitem group by l_partkey

-- Q22_1: substring
select substring(c_phone from 1 for 2) as c from customer

-- Q22_2: where substring in
select c_custkey from customer where substring(c_phone from 1 for 2) in ('13', '31')

-- Q22_3: group substring
select substring(c_phone from 1 for 2) as c, count(*) as n, sum(c_acctbal) as s from customer group by substring(c_phone from 1 for 2) order by c

-- Q22_4: avg where
select avg(c_acctbal) as a from customer where c_acctbal > 0.00
