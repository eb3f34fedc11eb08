/** Names and things that sentences are made of; what is held out is in no training row. All of them occur in the base model's text. */

/** Names or things, by which rows may use them. */
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

/** Things that can be given. */
export const THINGS: Words = {
  train: list(`
    sword staff book bowl crown shield spear cup lamb goat horse girdle vessel pot garment bow net rod trumpet pitcher seal tent roll table
    stone ring basket harp ass coat candle mantle wine silver bread oil honey corn wheat flesh fruit linen iron brass wood meat salt water
    barley ephod ark chariot lamp camel`),
  heldOut: list(
    'robe veil gold ox key axe loaf altar milk bullock ram purse heifer jewel incense tabret timber sackcloth',
  ),
}
