//! `fogbell pack`: what it writes is loaded by what its receiver is made of, and reads what a relay sent.

mod elastic;
mod opennms;
mod scene;
mod snmptt;
mod splunk;
mod zabbix;
