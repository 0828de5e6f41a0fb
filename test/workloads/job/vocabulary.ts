/** Words that the queries look for, among others; small lists, so that conditions over several tables meet. */

export const KINDS = [
  "movie",
  "tv series",
  "tv movie",
  "video movie",
  "tv mini series",
  "video game",
  "episode",
] as const;

export const COMPANY_TYPES = [
  "distributors",
  "production companies",
  "special effects companies",
  "miscellaneous companies",
] as const;

export const CAST_TYPES = ["cast", "crew", "complete", "complete+verified"] as const;

export const ROLES = [
  ...["actor", "actress", "producer", "writer", "cinematographer", "composer"],
  ...["costume designer", "director", "editor", "miscellaneous crew", "production designer", "guest"],
] as const;

export const LINKS = [
  ...["follows", "followed by", "remake of", "remade as", "references", "referenced in", "spoofs", "spoofed in"],
  ...["features", "featured in", "spin off from", "spin off", "version of", "similar to", "edited into"],
  ...["edited from", "alternate language version of", "unknown link"],
] as const;

export const INFO_TYPES = [
  ...["runtimes", "color info", "genres", "languages", "certificates", "sound mix", "tech info", "countries"],
  ...["taglines", "keywords", "alternate versions", "crazy credits", "goofs", "soundtrack", "quotes"],
  ...["release dates", "trivia", "locations", "mini biography", "birth notes", "birth date", "height", "death date"],
  ...["budget", "gross", "votes", "rating", "top 250 rank", "bottom 10 rank", "spouse"],
] as const;

export const GENRES = [
  ...["Drama", "Comedy", "Action", "Horror", "Thriller", "Crime", "Sci-Fi", "War", "Western", "Romance", "Family"],
  ...["Documentary", "Animation", "Adventure"],
] as const;

export const COUNTRIES = [
  ...["USA", "UK", "Germany", "Sweden", "Denmark", "Norway", "France", "Japan", "Italy", "Bulgaria", "Österreich"],
] as const;

export const COUNTRY_CODES = ["[us]", "[gb]", "[de]", "[se]", "[dk]", "[jp]", "[fr]", "[pl]", "[ru]"] as const;

export const LANGUAGES = [
  "English",
  "German",
  "Swedish",
  "Danish",
  "Norwegian",
  "French",
  "Japanese",
  "Italian",
] as const;

export const KEYWORDS = [
  ...["superhero", "sequel", "second-part", "marvel-comics", "based-on-comic", "tv-special", "fight", "violence"],
  ...["murder", "murder-in-title", "blood", "gore", "death", "female-nudity", "hospital", "revenge", "magnet"],
  ...["character-name-in-title", "based-on-novel", "hero", "martial-arts", "hand-to-hand-combat", "nerd", "web"],
  ...["computer-animation", "10,000-mile-club", "jealousy", "loss-of-friend", "number-in-title", "dream", "friend"],
] as const;

export const TITLE_WORDS = [
  ...["Champion", "Money", "Freddy", "Jason", "Saw", "Kung Fu Panda", "Shrek", "Iron", "Dark", "Night", "Murder"],
  ...[
    "Vampire",
    "Birdemic",
    "Love",
    "Return",
    "the",
    "of",
    "Loser",
    "Dragon",
    "Birth",
    "Über",
    "Été",
    "noir",
    "Beautiful",
  ],
] as const;

export const FORENAMES = {
  m: ["Robert", "Tim", "Bert", "Xavier", "Björn", "Bob", "Zacharias", "Timothy", "Andrew", "Éric"],
  f: ["Angela", "Ann", "Yvonne", "Marianne", "Zoë", "Bettina", "Åsa", "Angelina", "Joanna", "Tilda"],
} as const;

export const SURNAMES = [
  ...["Downey Jr.", "Anders", "Bloom", "Carter", "Ångström", "Bardot", "Zhang", "Angel", "Müller", "O'Brien", "Yang"],
  ...["Tarantino", "Lund", "de la Cruz", "Bond", "Anderson", "Ekström"],
] as const;

export const CHARACTERS = [
  ...["Tony Stark", "Queen", "Herself", "Himself", "Narrator", "Iron Man", "Spider-Man", "Shrek", "Dr. No", "Ängel"],
  ...["Man in Black", "Kung Fu Master", "Waiter", "Waitress", "Detective Lund"],
] as const;

export const COMPANY_WORDS = [
  ...[
    "Film",
    "Warner",
    "Universal",
    "Lionsgate",
    "20th Century Fox",
    "Fox",
    "YouTube",
    "DreamWorks",
    "Toei",
    "Polygram",
  ],
  ...["Nordisk", "Metro", "Überfilm", "Bros.", "Pictures", "Animation", "Productions", "Home", "Entertainment"],
] as const;

export const CAST_NOTES = [
  ...["(voice)", "(voice: English version)", "(voice: Japanese version)", "(uncredited)", "(voice) (uncredited)"],
  ...["(producer)", "(executive producer)", "(writer)", "(head writer)", "(story)", "(screenplay)"],
] as const;

export const COMPANY_NOTES = [
  ...["(presents)", "(co-production)", "(2006) (USA) (TV)", "(2007) (worldwide) (VHS)", "(1994) (USA) (theatrical)"],
  ...["(2013) (Blu-ray) (USA)", "(200) (Japan) (DVD)", "(as Metro-Goldwyn-Mayer Pictures)", "(production) (France)"],
] as const;
