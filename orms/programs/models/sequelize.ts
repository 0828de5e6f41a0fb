import { DataTypes, type Model, type ModelStatic, type Sequelize } from "sequelize";

export type Models = Readonly<
  Record<"User" | "Profile" | "Post" | "Comment" | "Tag" | "PostTag" | "Order" | "OrderItem", ModelStatic<Model>>
>;

export function defineModels(db: Sequelize): Models {
  const {
    INTEGER,
    SMALLINT,
    BIGINT,
    STRING,
    TEXT,
    CHAR,
    BOOLEAN,
    DECIMAL,
    DOUBLE,
    REAL,
    JSON: PLAIN_JSON,
    JSONB,
    ARRAY,
    DATE,
    DATEONLY,
    UUID,
    ENUM,
    BLOB,
  } = DataTypes;
  const id = { type: INTEGER, primaryKey: true, autoIncrement: true };
  const User = db.define(
    "User",
    {
      id,
      email: STRING,
      name: TEXT,
      role: ENUM("admin", "editor", "member"),
      active: BOOLEAN,
      age: SMALLINT,
      balance: DECIMAL(12, 2),
      score: DOUBLE,
      settings: JSONB,
      interests: ARRAY(TEXT),
      birthday: DATEONLY,
      managerId: INTEGER,
      createdAt: DATE,
      deletedAt: DATE,
    },
    { tableName: "users" },
  );
  const Profile = db.define(
    "Profile",
    { userId: { type: INTEGER, primaryKey: true }, bio: TEXT, website: STRING, avatar: BLOB },
    { tableName: "profiles" },
  );
  const Post = db.define(
    "Post",
    {
      id,
      authorId: INTEGER,
      title: STRING,
      slug: TEXT,
      body: TEXT,
      published: BOOLEAN,
      views: BIGINT,
      rating: REAL,
      publishedAt: DATE,
      createdAt: DATE,
    },
    {
      tableName: "posts",
      scopes: { published: { where: { published: true } }, short: { attributes: ["id", "title"] } },
    },
  );
  const Comment = db.define(
    "Comment",
    { id: { ...id, type: BIGINT }, postId: INTEGER, userId: INTEGER, body: TEXT, likes: INTEGER, createdAt: DATE },
    { tableName: "comments" },
  );
  const Tag = db.define("Tag", { id, name: TEXT, color: CHAR(7) }, { tableName: "tags" });
  const PostTag = db.define(
    "PostTag",
    { postId: { type: INTEGER, primaryKey: true }, tagId: { type: INTEGER, primaryKey: true } },
    { tableName: "post_tags" },
  );
  const Order = db.define(
    "Order",
    {
      id: { type: UUID, primaryKey: true },
      userId: INTEGER,
      status: ENUM("pending", "paid", "shipped", "cancelled"),
      total: DECIMAL(12, 2),
      discount: DECIMAL,
      currency: CHAR(3),
      details: JSONB,
      note: PLAIN_JSON,
      quantities: ARRAY(INTEGER),
      placedAt: DATE,
      shippedOn: DATEONLY,
    },
    { tableName: "orders" },
  );
  const OrderItem = db.define(
    "OrderItem",
    {
      orderId: { type: UUID, primaryKey: true },
      line: { type: SMALLINT, primaryKey: true },
      product: TEXT,
      quantity: INTEGER,
      price: DECIMAL(10, 2),
    },
    { tableName: "order_items" },
  );

  User.hasOne(Profile, { as: "profile", foreignKey: "userId" });
  User.belongsTo(User, { as: "manager", foreignKey: "managerId" });
  User.hasMany(User, { as: "team", foreignKey: "managerId" });
  User.hasMany(Post, { as: "posts", foreignKey: "authorId" });
  User.hasMany(Order, { as: "orders", foreignKey: "userId" });
  Post.belongsTo(User, { as: "author", foreignKey: "authorId" });
  Post.hasMany(Comment, { as: "comments", foreignKey: "postId" });
  Post.belongsToMany(Tag, { as: "tags", through: PostTag, foreignKey: "postId", otherKey: "tagId" });
  Tag.belongsToMany(Post, { as: "posts", through: PostTag, foreignKey: "tagId", otherKey: "postId" });
  Comment.belongsTo(Post, { as: "post", foreignKey: "postId" });
  Comment.belongsTo(User, { as: "user", foreignKey: "userId" });
  Order.belongsTo(User, { as: "user", foreignKey: "userId" });
  Order.hasMany(OrderItem, { as: "items", foreignKey: "orderId" });
  return { User, Profile, Post, Comment, Tag, PostTag, Order, OrderItem };
}
