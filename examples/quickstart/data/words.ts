/** Words that sentences are made of. Names that are held out are in no training row. All words occur in the base model's text. */

/** Names, by which rows may use them. */
export interface Words {
  readonly train: readonly string[]
  readonly heldOut: readonly string[]
}

const list = (text: string) => text.trim().split(/\s+/)

/** Names of persons. */
export const NAMES: Words = {
  train: list(`
    David Moses Saul Jacob Aaron Solomon Pharaoh Abraham Joseph Joshua Benjamin Peter Jeremiah Joab Samuel Paul Isaac Hezekiah John Jonathan
    Absalom Jeroboam Esau Ahab Jehoshaphat Eleazar Reuben Elijah Daniel Simon Abimelech Abner Balaam Asa Mordecai Jehu Zedekiah Laban Esther
    Mary Jehoiada Haman Noah Zadok Josiah Azariah Rehoboam Joash Ishmael Rachel Jesse Pilate Herod Balak Nathan Sarah James Ahaz Gideon Samson
    Zechariah Benaiah Amaziah Eli Jehoiakim Hilkiah Asaph Isaiah Gedaliah Abiathar Ahasuerus Judas Adam Shaphan Philip Jephthah Micah Hananiah
    Barnabas Amnon Joram Baasha Uzziah Jeshua Korah Uriah Johanan Abishai Adonijah Baruch Tamar Phinehas Meshullam Jotham Hiram Jezebel Hazael
    Shallum Nabal Naboth Ithamar Sisera Kish Achish Nadab Eliab Ahijah Obadiah Zerubbabel Cain Jonah Nahor Naaman Abigail Manoah`),
  heldOut: list(`
    Elisha Simeon Caleb Leah Rebekah Ezra Boaz Darius Cyrus Naomi Miriam Michal Joel Abel Ruth Hannah Lazarus Andrew Silas Titus Enoch Hagar
    Barak Hushai Ahimaaz Gehazi Barzillai Amasa Ziba Mephibosheth Zimri Heman Eliakim Tobiah Michael Shem Iddo Omri Asahel Elkanah`),
}

/**
 * What a record holds; training and held-out rows share these words, but no combination of all three. The places are frequent ones, whose embeddings lie far
 * from each other's and from persons' names: others took training longer to tell apart.
 */
export const THINGS = list('sheep oxen asses camels servants horses goats lambs vessels spears shields tents')
export const COUNTS = list('two three seven ten twelve twenty forty fifty')
export const PLACES = list('Egypt Babylon Israel Judah Jerusalem Gilead Jordan Carmel Galilee Canaan')
